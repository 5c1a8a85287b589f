/// Sets of rules in requests of the API: their files in bodies, and refusals as answers.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "api/net/http_server.h"
#include "api/node/rule_service.h"
#include "api/rules/rule_pack.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// Whether it is an object with a text for each path, and with `may_remove` null for one that goes.
bool are_pack_files(const nlohmann::ordered_json& files, bool may_remove);
/// The pack with these files; unless `keeps_others`, with no others. Requires are_pack_files().
/// Fails with kInvalidArgument or kNotFound for a path.
Result<RulePack> with_pack_files(const RulePack& before, const nlohmann::ordered_json& files,
                                 bool keeps_others);
/// The answer where rules were not taken, with the diagnostics or the failed tests.
HttpResponse refused(const DeployRefusal& refusal);
}  // namespace tocsin::api

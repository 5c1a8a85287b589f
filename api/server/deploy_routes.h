/// The operations by which rules are changed while events come in, and those that show what holds
/// and what held before.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "api/node/rule_service.h"
#include "api/rest/router.h"
#include "api/server/server_context.h"

namespace tocsin::api {
void add_deploy_routes(Router& router, ServerContext& context);
/// GET of the pack and its versions.
void add_version_routes(Router& router, ServerContext& context);

/// What of `to` is otherwise than in `from`: `rules` (added, removed, changed), `stages` (before
/// and after) and `files` (with both texts).
nlohmann::ordered_json difference_json(const RulePack& from, const RulePack& to);
}  // namespace tocsin::api

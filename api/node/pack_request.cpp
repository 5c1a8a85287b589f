#include "api/node/pack_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "api/rest/json_body.h"
#include "api/rest/problem.h"

namespace tocsin::api {
using nlohmann::ordered_json;

bool are_pack_files(const ordered_json& files, bool may_remove) {
  return files.is_object() && std::ranges::all_of(files, [&](const ordered_json& text) {
           return text.is_string() || (may_remove && text.is_null());
         });
}

Result<RulePack> with_pack_files(const RulePack& before, const ordered_json& files,
                                 bool keeps_others) {
  Result<RulePack> pack = before;
  for (const std::string& path : before.paths()) {
    if (keeps_others || files.contains(path)) continue;
    pack = pack->without_file(path);
    if (!pack) return pack;
  }
  for (const auto& [path, text] : files.items()) {
    pack =
        text.is_null() ? pack->without_file(path) : pack->with_file(path, text.get<std::string>());
    if (!pack) return pack;
  }
  return pack;
}

HttpResponse refused(const DeployRefusal& refusal) {
  using Why = DeployRefusal::Why;
  ordered_json more = ordered_json::object();
  switch (refusal.why) {
    case Why::kStale:
      return problem_response(ProblemKind::kStale, refusal.detail);
    case Why::kNotFound:
      return problem_response(ProblemKind::kNotFound, refusal.detail);
    case Why::kBadEdit:
      return problem_response(ProblemKind::kBadBody, refusal.detail);
    case Why::kNotAllowed:
      return problem_response(ProblemKind::kConflict, refusal.detail);
    case Why::kNoCheck:
      more["diagnostics"] = diagnostics_of_lines(refusal.diagnostics);
      return problem_response(ProblemKind::kRulesDoNotCheck, refusal.detail, more);
    case Why::kTestsFail:
      more["failures"] = refusal.failures;
      return problem_response(ProblemKind::kRuleTestsFail, refusal.detail, more);
    case Why::kTooLarge:
      return problem_response(ProblemKind::kTooLarge, refusal.detail);
    case Why::kWarmingUp: {
      HttpResponse response = json_response(
          202,
          {{"warming_up",
            {{"progress", refusal.warming_up.progress}, {"events", refusal.warming_up.events}}}});
      response.headers.push_back({"Retry-After", "1"});
      return response;
    }
    case Why::kNode:
    case Why::kNotDurable:
      return problem_response(ProblemKind::kUnavailable, refusal.detail);
    case Why::kStorage:
      break;
  }
  return problem_response(ProblemKind::kInternal, refusal.detail);
}
}  // namespace tocsin::api

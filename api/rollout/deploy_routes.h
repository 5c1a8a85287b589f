/// The operations by which rules are changed while events come in, and those that show what holds
/// and what held before.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "api/node/rule_service.h"
#include "api/rest/check_slots.h"
#include "api/rest/router.h"
#include "api/rollout/change_service.h"

namespace tocsin::api {
/// What these operations work on; all of it outlives the routes.
struct RolloutContext {
  RuleService& rules;
  ChangeService& changes;
  CheckSlots& checks;
};
void add_deploy_routes(Router& router, const RolloutContext& context);
/// Changes that wait for approval.
void add_change_routes(Router& router, const RolloutContext& context);
/// GET of the pack and its versions.
void add_version_routes(Router& router, RuleService& rules);

/// A change that waits, without its texts; `live_now` is ChangeService::live_now().
nlohmann::ordered_json waiting_json(const ChangeService& changes, const WaitingChange& waiting,
                                    const std::string& live_now);
/// What of `to` is otherwise than in `from`: `rules` (added, removed, changed), `stages` (before
/// and after) and `files` (with both texts).
nlohmann::ordered_json difference_json(const RulePack& from, const RulePack& to);
/// 200 with the version that is active and what became of the state, or 202 with the change that
/// waits.
HttpResponse made(ApiRequest& request, const RolloutContext& context,
                  const ChangeService::Made& outcome);
}  // namespace tocsin::api

#include "api/server/server_routes.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/jobs/backtest_routes.h"
#include "api/rest/json_body.h"
#include "api/rollout/deploy_routes.h"
#include "api/server/event_routes.h"
#include "api/server/list_routes.h"
#include "api/server/metrics.h"
#include "api/server/operation_routes.h"
#include "api/server/rule_routes.h"

namespace tocsin::api {
void add_server_routes(Router& router, ServerContext& context, std::function<bool()> is_ready) {
  add_event_routes(router, context);
  const auto totals = std::make_shared<RuleTotalsReader>(context.node);
  add_rule_routes(router, context, totals);
  const RolloutContext rollout{context.rules, context.changes, *context.checks};
  add_deploy_routes(router, rollout);
  add_change_routes(router, rollout);
  add_version_routes(router, context.rules);
  add_list_routes(router, context);
  add_state_routes(router, context, totals);
  add_profile_route(router, context);
  add_savepoint_routes(router, context);
  add_side_output_routes(router, context);
  add_producer_routes(router, context);
  add_token_routes(router, context);
  add_audit_routes(router, context);
  add_backtest_routes(router, {*context.backtests, context.rules, *context.checks});
  add_metrics_route(router, context, std::move(is_ready));
  // Last: it shows what was added before.
  router.add({.method = "GET",
              .path = "/openapi.json",
              .operation_id = "getOpenapi",
              .tag = "health",
              .summary = "This API as an OpenAPI 3.1 document",
              .role = Role::kReader,
              .answers = {{200, "The document", "application/json"}},
              .handler = [&router](ApiRequest&) { return json_response(200, router.openapi()); }});
}
}  // namespace tocsin::api

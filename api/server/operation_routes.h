/// What an operator does with a running server: checkpoints, savepoints, state, a profile, what was
/// set aside, producers, tokens.
#pragma once
#include <memory>

#include "api/node/rule_totals.h"
#include "api/rest/router.h"
#include "api/server/server_context.h"

namespace tocsin::api {
void add_state_routes(Router& router, ServerContext& context,
                      std::shared_ptr<RuleTotalsReader> totals);
void add_profile_route(Router& router, ServerContext& context);
void add_savepoint_routes(Router& router, ServerContext& context);
void add_side_output_routes(Router& router, ServerContext& context);
void add_audit_routes(Router& router, ServerContext& context);
void add_producer_routes(Router& router, ServerContext& context);
void add_token_routes(Router& router, ServerContext& context);
}  // namespace tocsin::api

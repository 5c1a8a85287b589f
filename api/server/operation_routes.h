/// What an operator does with a running server: checkpoints, savepoints, state, a profile, what was
/// set aside, producers, tokens.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "api/node/rule_totals.h"
#include "api/rest/router.h"
#include "api/server/server_context.h"

namespace tocsin::api {
/// Why the server is not ready; empty where it is.
using Unreadiness = std::function<std::string()>;
/// Whether the server lives and is ready, and what it is.
void add_health_routes(Router& router, Unreadiness unreadiness);
void add_state_routes(Router& router, ServerContext& context,
                      std::shared_ptr<RuleTotalsReader> totals);
void add_profile_route(Router& router, ServerContext& context);
void add_savepoint_routes(Router& router, ServerContext& context);
void add_side_output_routes(Router& router, ServerContext& context);
void add_audit_routes(Router& router, ServerContext& context);
void add_producer_routes(Router& router, ServerContext& context);
void add_token_routes(Router& router, ServerContext& context);
}  // namespace tocsin::api

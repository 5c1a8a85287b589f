/// The rules that run: what they are, and runs of others over given events.
#pragma once
#include <memory>

#include "api/node/rule_totals.h"
#include "api/rest/router.h"
#include "api/server/server_context.h"

namespace tocsin::api {
void add_rule_routes(Router& router, ServerContext& context,
                     std::shared_ptr<RuleTotalsReader> totals);
}  // namespace tocsin::api

/// The rules that run: what they are, and checking others.
#pragma once
#include "api/router.h"
#include "api/server_context.h"

namespace tocsin::api {
void add_rule_routes(Router& router, ServerContext& context);
}  // namespace tocsin::api

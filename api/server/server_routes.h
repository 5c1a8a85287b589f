/// All operations of a running server, in one list.
#pragma once
#include "api/health/health_routes.h"
#include "api/rest/router.h"
#include "api/server/metrics.h"
#include "api/server/server_context.h"

namespace tocsin::api {
/// `unreadiness` is asked from any thread.
void add_server_routes(Router& router, ServerContext& context, Unreadiness unreadiness);
}  // namespace tocsin::api

/// All operations of a running server, in one list.
#pragma once
#include <functional>

#include "api/rest/router.h"
#include "api/server/metrics.h"
#include "api/server/server_context.h"

namespace tocsin::api {
/// `is_ready` is asked from any thread.
void add_server_routes(Router& router, ServerContext& context, std::function<bool()> is_ready);
}  // namespace tocsin::api

/// Events in: POST /v1/events.
#pragma once
#include "api/router.h"
#include "api/server_context.h"

namespace tocsin::api {
void add_event_routes(Router& router, ServerContext& context);
}  // namespace tocsin::api

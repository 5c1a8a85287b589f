/// Events in: POST /v1/events.
#pragma once
#include "api/rest/router.h"
#include "api/server/server_context.h"

namespace tocsin::api {
void add_event_routes(Router& router, ServerContext& context);
}  // namespace tocsin::api

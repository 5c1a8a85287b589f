/// Lists and tables over HTTP: what they hold, and changes of it that hold from the next event on.
#pragma once
#include "api/rest/router.h"
#include "api/server/server_context.h"

namespace tocsin::api {
void add_list_routes(Router& router, ServerContext& context);
}  // namespace tocsin::api

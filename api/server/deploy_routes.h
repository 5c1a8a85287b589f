/// The operations by which rules are changed while events come in, and those that show what holds
/// and what held before.
#pragma once
#include "api/rest/router.h"
#include "api/server/server_context.h"

namespace tocsin::api {
void add_deploy_routes(Router& router, ServerContext& context);
/// GET of the pack and its versions.
void add_version_routes(Router& router, ServerContext& context);
}  // namespace tocsin::api

/// Rules that change while the server runs: put, stage, remove, whole packs, versions, and a dry
/// run.
#pragma once
#include "api/router.h"
#include "api/server_context.h"

namespace tocsin::api {
void add_deploy_routes(Router& router, ServerContext& context);
}  // namespace tocsin::api

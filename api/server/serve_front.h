/// The HTTP server of `tocsin serve`, as the configuration says.
#pragma once
#include <memory>

#include "api/base/configuration.h"
#include "api/net/http_server.h"
#include "api/rest/router.h"
#include "api/server/server_context.h"

namespace tocsin::api {
/// Limits, faults as problem documents, the reserve for health. `admit` decides; what is answered
/// is counted in `figures`, and what failed is told. All outlive the server.
HttpServerOptions front_options(const Configuration& configuration, BodyBudget& bodies,
                                HttpFigures& figures, HttpAdmit admit);
/// Raises the limit of open files to what the connections may need, as far as the process may, and
/// warns where that is not enough.
void raise_file_limit(const HttpServerLimits& limits);
}  // namespace tocsin::api

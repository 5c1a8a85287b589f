/// The HTTP server of `tocsin serve`, as the configuration says.
#pragma once
#include <memory>

#include "api/base/configuration.h"
#include "api/net/http_server.h"
#include "api/node/run_arguments.h"
#include "api/server/serve_settings.h"
#include "api/server/server_context.h"

namespace tocsin::api {
/// Limits, faults as problem documents, the reserve for health. `admit` decides; what is answered
/// is counted in `figures`, and what failed is told. All outlive the server.
HttpServerOptions front_options(const Configuration& configuration, BodyBudget& bodies,
                                HttpFigures& figures, HttpAdmit admit);
/// The certificate and key that the configuration names; null where it names none. Fails with
/// kUsage for one without the other, or as TlsIdentity::load().
Outcome<std::shared_ptr<const TlsIdentity>> read_tls_identity(const Configuration& configuration);
/// Reads them again for connections that come from now on; where that fails it says so, and the
/// server keeps what it has.
void reload_tls_identity(const Configuration& configuration, HttpServer& server, bool is_quiet);
/// Adds who the server is to its clients (read_tls_identity()), and the proxies that it believes.
/// Fails as that, and with kUsage.
Outcome<void> read_peers(const Configuration& configuration, HttpServerOptions& options);
/// Whether the server may listen there: on an address of this machine, with TLS, or where the
/// configuration says that it may be without; of that it warns. Fails with kUsage.
Outcome<void> check_exposure(const Configuration& configuration, const ListenAddress& address);
/// Raises the limit of open files to what the connections may need, as far as the process may, and
/// warns where that is not enough.
void raise_file_limit(const HttpServerLimits& limits);
}  // namespace tocsin::api

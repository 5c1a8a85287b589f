#include "api/server/serve_front.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

#include "api/base/command.h"
#include "api/rest/problem.h"
#include "api/server/serve_settings.h"
#include "api/server/server_messages.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
// Descriptors that are no connections: stores, journal, topics, webhooks.
constexpr std::size_t kOtherFiles = 1024;

HttpAdmission counted(HttpAdmission admission, HttpFigures& figures) {
  admission.handle = [&figures, handle = std::move(admission.handle)](HttpRequest& request) {
    const auto began = steady_clock::now();
    HttpResponse response = handle(request);
    figures.add(response.status,
                std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began));
    if (response.status == problem_type(ProblemKind::kInternal).status)
      tell_failed_request(request.head(), response);
    return response;
  };
  return admission;
}
}  // namespace

HttpServerOptions front_options(const Configuration& configuration, BodyBudget& bodies,
                                HttpFigures& figures, HttpAdmit admit) {
  HttpServerOptions options;
  options.limits = http_limits(configuration);
  options.admit = [&figures, admit = std::move(admit)](HttpRequest& request) {
    return counted(admit(request), figures);
  };
  options.fault_answer = [&figures](const HttpFault& fault) {
    figures.add(fault.status, {});
    return problem_of_fault(fault);
  };
  options.bodies = &bodies;
  options.vital = {"/livez", "/readyz"};
  return options;
}

Outcome<std::shared_ptr<const TlsIdentity>> read_tls_identity(const Configuration& configuration) {
  const TlsFiles files{configuration.text("http.tls_certificate"),
                       configuration.text("http.tls_key"), configuration.text("http.tls_clients")};
  if (files.certificate.empty() && files.key.empty() && files.clients.empty()) return nullptr;
  if (files.certificate.empty() || files.key.empty()) {
    return stop(ExitCode::kUsage,
                "TLS needs both http.tls_certificate and http.tls_key, files in PEM");
  }
  auto identity = TlsIdentity::load(files);
  if (!identity) {
    const bool is_io = identity.error().code == Errc::kIo;
    return stop(is_io ? ExitCode::kInputOutput : ExitCode::kUsage, identity.error().message);
  }
  return *std::move(identity);
}

void reload_tls_identity(const Configuration& configuration, HttpServer& server, bool is_quiet) {
  auto identity = read_tls_identity(configuration);
  if (!identity) {
    return tell(fmt::format("tocsin: SIGHUP: {}; the certificate remains as it was\n",
                            identity.error().message));
  }
  if (*identity == nullptr) return;
  if (!is_quiet)
    tell(fmt::format("SIGHUP: new connections get the certificate {}\n",
                     (*identity)->description()));
  server.set_tls(*std::move(identity));
}

Outcome<void> read_peers(const Configuration& configuration, HttpServerOptions& options) {
  auto identity = read_tls_identity(configuration);
  if (!identity) return tl::unexpected(identity.error());
  options.tls = *std::move(identity);
  auto proxies = trusted_proxies(configuration);
  if (!proxies) return stop(ExitCode::kUsage, proxies.error().message);
  options.proxies = *std::move(proxies);
  return {};
}

Outcome<void> check_exposure(const Configuration& configuration, const ListenAddress& address) {
  if (address.is_loopback || !configuration.text("http.tls_certificate").empty()) return {};
  if (!configuration.boolean("http.insecure_public")) {
    return stop(ExitCode::kUsage,
                fmt::format("other machines can reach {}, and tokens and events would not be "
                            "encrypted: name a certificate (--http-tls-certificate, "
                            "--http-tls-key), listen on 127.0.0.1 behind a proxy with TLS, or say "
                            "--insecure-public",
                            address.host));
  }
  tell("warning: other machines can reach this address, and tokens and events are not encrypted\n");
  return {};
}

void raise_file_limit(const HttpServerLimits& limits) {
  const rlim_t wanted = limits.connections_max + limits.reserve_max + kOtherFiles;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted) return;
  files.rlim_cur = std::min(wanted, files.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted) return;
  tell(fmt::format(
      "warning: the process may open {} files, and http.connections_max and the stores may need "
      "{}: "
      "raise the limit (`ulimit -n`, LimitNOFILE of the unit), or lower http.connections_max\n",
      files.rlim_cur, wanted));
}
}  // namespace tocsin::api

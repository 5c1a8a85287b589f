#include "api/server/serve_front.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
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

// A client that tries again and again fills no log.
std::function<void(const std::string&, const std::string&)> tell_refused_certificates() {
  struct State {
    std::mutex mutex;
    std::optional<steady_clock::time_point> told_at;
    std::uint64_t untold = 0;
  };
  return [state = std::make_shared<State>()](const std::string& certificate,
                                             const std::string& address) {
    const std::lock_guard lock(state->mutex);
    const auto now = steady_clock::now();
    if (state->told_at && now - *state->told_at < std::chrono::seconds(1)) {
      ++state->untold;
      return;
    }
    state->told_at = now;
    const std::uint64_t untold = std::exchange(state->untold, 0);
    tell(fmt::format("warning: refused the certificate of a client at {}: {}{}\n", address,
                     certificate, untold == 0 ? "" : fmt::format("; {} more before", untold)));
  };
}

HttpAdmission counted(HttpAdmission admission, HttpFigures& figures) {
  admission.handle = [&figures, handle = std::move(admission.handle)](HttpRequest& request) {
    const auto began = steady_clock::now();
    HttpResponse response = handle(request);
    when_answered(response, [&figures, &request, began](const HttpResponse& answer) {
      figures.add(answer.status, std::chrono::duration_cast<std::chrono::microseconds>(
                                     steady_clock::now() - began));
      if (answer.status == problem_type(ProblemKind::kInternal).status)
        tell_failed_request(request.head(), answer);
    });
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
  options.refused_certificate = tell_refused_certificates();
  return options;
}

Outcome<std::shared_ptr<const TlsIdentity>> read_tls_identity(const Configuration& configuration) {
  const TlsFiles files{configuration.text("http.tls_certificate"),
                       configuration.text("http.tls_key"), configuration.text("http.tls_clients"),
                       configuration.text("http.tls_client_crl")};
  if (files.certificate.empty() && files.key.empty() && files.clients.empty() &&
      files.revoked.empty())
    return nullptr;
  if (files.certificate.empty() || files.key.empty()) {
    return stop(ExitCode::kUsage,
                "TLS needs both http.tls_certificate and http.tls_key, files in PEM");
  }
  if (files.clients.empty() && !files.revoked.empty()) {
    return stop(ExitCode::kUsage,
                "http.tls_client_crl needs http.tls_clients, the authorities whose lists it has");
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
    const bool has_lists = !configuration.text("http.tls_client_crl").empty();
    return tell(fmt::format("tocsin: SIGHUP: {}; {}\n", identity.error().message,
                            has_lists
                                ? "the certificate and the revocation lists remain as they were"
                                : "the certificate remains as it was"));
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

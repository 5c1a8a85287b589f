/// What `tocsin serve` can be told, by its file, the environment or the command line.
#pragma once
#include <cstddef>
#include <optional>
#include <span>

#include "api/base/configuration.h"
#include "api/net/http_server.h"
#include "api/node/node_service.h"
#include "api/node/run_arguments.h"
#include "api/rest/answer_store.h"
#include "api/rest/audit_log.h"
#include "api/rest/router.h"
#include "api/server/alert_services.h"

namespace tocsin::api {
/// All settings, by table; they live as long as the program.
std::span<const Setting> serve_settings();

/// A duration of the configuration; nothing where it is 0.
std::optional<cep::Duration> duration_or_none(const Configuration& configuration,
                                              std::string_view name);
HttpServerLimits http_limits(const Configuration& configuration);
AnswerLimits answer_limits(const Configuration& configuration);
AuditLimits audit_limits(const Configuration& configuration);
RateLimit rate_limit(const Configuration& configuration);
NodeServiceLimits node_service_limits(const Configuration& configuration);
runtime::RetentionPolicy retention_policy(const Configuration& configuration);
/// Errors: kInvalidArgument, naming the setting.
Result<AlertServicesOptions> alert_services_options(const Configuration& configuration);
/// The options that a data directory keeps, and with them what a run would be told: only what was
/// said somewhere (`is_said_only`), or everything.
RunArguments run_arguments(const Configuration& configuration, bool is_said_only);
/// An address to listen on: HOST:PORT with a numeric host, "[::1]:8080", "localhost:8080". Fails
/// with kInvalidArgument.
struct ListenAddress {
  std::string host;  // numeric, without brackets
  std::uint16_t port = 0;
  bool is_loopback = false;
};
Result<ListenAddress> parse_listen_address(std::string_view text);
}  // namespace tocsin::api

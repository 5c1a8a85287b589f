/// Settings of `tocsin serve` (api/base/settings.h) as the parts of the server take them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/backup/backup_service.h"
#include "api/base/settings.h"
#include "api/jobs/backtest_jobs.h"
#include "api/jobs/backtest_work.h"
#include "api/net/http_server.h"
#include "api/node/node_service.h"
#include "api/proxy/trusted_proxies.h"
#include "api/rest/answer_store.h"
#include "api/rest/audit_log.h"
#include "api/rest/check_slots.h"
#include "api/rest/refusal_tally.h"
#include "api/rest/router.h"
#include "api/rollout/change_service.h"
#include "api/rollout/warm_up.h"
#include "api/server/alert_services.h"
#include "api/trace/key_history.h"
#include "runtime/event_time/run_options.h"
#include "runtime/io/files.h"
#include "runtime/node/archive_keeper.h"

namespace tocsin::api {
HttpServerLimits http_limits(const Configuration& configuration);
AnswerLimits answer_limits(const Configuration& configuration);
AuditLimits audit_limits(const Configuration& configuration);
RefusalLimits refusal_limits(const Configuration& configuration);
/// Whether gates on changes of rules can be passed. Fails with kInvalidArgument, naming settings.
Result<void> check_gates(const Configuration& configuration);
/// Whether backups can be kept where they are to go. Fails likewise; nothing is asked.
Result<void> check_backups(const Configuration& configuration);
/// Whether the audit log can be sent where it is to go. Fails likewise.
Result<void> check_audit(const Configuration& configuration);
/// The proxies that are believed when they say whose requests they pass on. Fails with
/// kInvalidArgument, naming the setting.
Result<TrustedProxies> trusted_proxies(const Configuration& configuration);
/// Whether proxies and the headers that name people are said so that they can be believed; fails
/// likewise.
Result<void> check_vouchers(const Configuration& configuration);
/// Whether the console can offer what the settings say. Fails likewise.
Result<void> check_console(const Configuration& configuration);
ChangeSettings change_settings(const Configuration& configuration);
WarmUpLimits warm_up_limits(const Configuration& configuration);
RateLimit rate_limit(const Configuration& configuration);
NodeServiceLimits node_service_limits(const Configuration& configuration);
runtime::RetentionPolicy retention_policy(const Configuration& configuration);
/// Nothing where none is kept.
std::optional<runtime::ArchiveOptions> archive_options(const Configuration& configuration,
                                                       std::size_t line_bytes_max);
HistoryLimits history_limits(const Configuration& configuration);
BackupOptions backup_options(const Configuration& configuration);
BacktestLimits backtest_limits(const Configuration& configuration);
/// What bodies may take, all and those of one asker.
std::pair<std::size_t, std::size_t> body_limits(const Configuration& configuration);
CheckLimits check_limits(const Configuration& configuration);
/// The settings `queries.…`; fewer wait than are said where half of `http.workers` are fewer.
ReadLimits read_limits(const Configuration& configuration);
/// Without labels. Of `options` what clocks and threads decide is left out: the past has none.
BacktestResources backtest_resources(const Configuration& configuration, runtime::Files& files,
                                     std::string data, runtime::RunOptions options);
/// Errors: kInvalidArgument, naming the setting.
Result<AlertServicesOptions> alert_services_options(const Configuration& configuration);
/// An address to listen on: HOST:PORT with a numeric host, "[::1]:8080", "localhost:8080". Fails
/// with kInvalidArgument.
struct ListenAddress {
  std::string host;  // numeric, without brackets
  std::uint16_t port = 0;
  bool is_loopback = false;
};
Result<ListenAddress> parse_listen_address(std::string_view text);
}  // namespace tocsin::api

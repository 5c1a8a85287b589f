#include "api/server/serve_settings.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "api/backup/backup_place.h"
#include "api/base/version.h"
#include "api/console/dismiss_reasons.h"
#include "api/custody/given_keys.h"
#include "api/net/loopback_address.h"
#include "api/node/run_arguments.h"
#include "api/openid/openid_sign_in.h"
#include "api/outbox/audit_export.h"
#include "api/people/identities.h"
#include "api/privacy/privacy.h"

namespace tocsin::api {
namespace {
std::chrono::milliseconds time_of(const Configuration& configuration, std::string_view name) {
  return std::chrono::milliseconds(
      std::max<std::int64_t>(configuration.duration(name).us / 1000, 1));
}
std::size_t size_of(const Configuration& configuration, std::string_view name) {
  return static_cast<std::size_t>(configuration.integer(name));
}
// What one asker may take of `all` (http.share_max), rounded up.
std::size_t share_of(const Configuration& configuration, std::size_t all) {
  const std::size_t percent = size_of(configuration, "http.share_max");
  return all / 100 * percent + (all % 100 * percent + 99) / 100;
}
// The alerts of a slice are in memory at once: fewer rows bound those of rules that alert too
// often.
constexpr std::size_t kBacktestSliceRows = 256;
}  // namespace

HttpServerLimits http_limits(const Configuration& configuration) {
  HttpServerLimits limits;
  limits.head.head_bytes_max = size_of(configuration, "http.head_bytes_max");
  limits.head.header_count_max = size_of(configuration, "http.header_count_max");
  limits.body_bytes_max = size_of(configuration, "http.body_bytes_max");
  limits.head_time_max = time_of(configuration, "http.head_time_max");
  limits.request_time_max = time_of(configuration, "http.request_time_max");
  limits.keep_alive_max = time_of(configuration, "http.keep_alive_max");
  limits.connections_max = size_of(configuration, "http.connections_max");
  limits.io_threads = size_of(configuration, "http.io_threads");
  const std::size_t queue_max = size_of(configuration, "http.queue_max");
  limits.workers = {size_of(configuration, "http.workers"), queue_max,
                    share_of(configuration, queue_max)};
  return limits;
}

std::pair<std::size_t, std::size_t> body_limits(const Configuration& configuration) {
  const std::size_t all = size_of(configuration, "http.bodies_bytes_max");
  return {all, share_of(configuration, all)};
}

RateLimit rate_limit(const Configuration& configuration) {
  return {static_cast<double>(configuration.integer("http.requests_per_second")),
          static_cast<double>(configuration.integer("http.requests_burst"))};
}

AnswerLimits answer_limits(const Configuration& configuration) {
  return {configuration.duration("idempotency.age_max"),
          size_of(configuration, "idempotency.answers_max"),
          size_of(configuration, "idempotency.bytes_max")};
}

AuditLimits audit_limits(const Configuration& configuration) {
  AuditLimits limits;
  limits.age_max = configuration.duration_limit("audit.age_max");
  limits.bytes_max = configuration.size_limit("audit.bytes_max");
  return limits;
}

RefusalLimits refusal_limits(const Configuration& configuration) {
  return {configuration.duration("audit.refusals_every"),
          size_of(configuration, "audit.refusal_senders_max")};
}

ChangeSettings change_settings(const Configuration& configuration) {
  ChangeSettings settings;
  settings.gates.approvals = size_of(configuration, "rollout.approvals");
  settings.gates.backs_alone = configuration.boolean("rollout.back_alone");
  settings.gates.shadow = configuration.duration_limit("rollout.shadow_min");
  if (const std::int64_t most = configuration.integer("rollout.backtest_alerts_per_day");
      most > 0) {
    settings.gates.backtest = {static_cast<std::uint64_t>(most),
                               configuration.duration("rollout.backtest_span"),
                               configuration.duration("rollout.backtest_within")};
  }
  settings.wait_max = configuration.duration("rollout.approve_within");
  settings.changes_max = size_of(configuration, "rollout.changes_max");
  return settings;
}

WarmUpLimits warm_up_limits(const Configuration& configuration) {
  WarmUpLimits limits;
  limits.has_archive = archive_options(configuration, 0).has_value();
  limits.memory_max =
      static_cast<std::uint64_t>(configuration.integer("rollout.replay_memory_max"));
  limits.keep_for = configuration.duration("rollout.replay_wait");
  return limits;
}

Result<TrustedProxies> trusted_proxies(const Configuration& configuration) {
  auto proxies = TrustedProxies::make(configuration.texts("http.trusted_proxies"));
  if (proxies) return proxies;
  return fail(proxies.error().code, "http.trusted_proxies: " + proxies.error().message);
}

Result<void> check_vouchers(const Configuration& configuration) {
  if (auto people = asking_people(configuration); !people) return tl::unexpected(people.error());
  if (auto proxies = trusted_proxies(configuration); !proxies)
    return tl::unexpected(proxies.error());
  if (auto privacy = privacy_options(configuration); !privacy)
    return tl::unexpected(privacy.error());
  if (auto issuer = make_issuer(configuration); !issuer) return tl::unexpected(issuer.error());
  return {};
}

Result<void> check_console(const Configuration& configuration) {
  if (auto reasons = dismiss_reasons(configuration); !reasons)
    return tl::unexpected(reasons.error());
  return {};
}

Result<void> check_backups(const Configuration& configuration) {
  if (auto place = check_backup_place(configuration.text("backups.to"), configuration); !place)
    return fail(place.error().code, "backups.to: " + place.error().message);
  return {};
}

Result<void> check_audit(const Configuration& configuration) {
  const std::string& target = configuration.text("audit.syslog");
  if (target.empty()) return {};
  if (auto parsed = parse_syslog_target(target); !parsed) return tl::unexpected(parsed.error());
  return {};
}

Result<void> check_gates(const Configuration& configuration) {
  if (configuration.integer("rollout.backtest_alerts_per_day") == 0) return {};
  if (!configuration.boolean("archive.enabled")) {
    return fail(Errc::kInvalidArgument,
                "rollout.backtest_alerts_per_day asks for backtests, which read the archive, and "
                "archive.enabled is false: no change of live rules could pass");
  }
  const cep::Duration span = configuration.duration("rollout.backtest_span");
  const std::optional<cep::Duration> kept = configuration.duration_limit("archive.keep_for");
  if (kept && *kept < span) {
    return fail(
        Errc::kInvalidArgument,
        fmt::format("rollout.backtest_span asks for backtests over {}, and archive.keep_for "
                    "keeps events for {}: keep them longer, or ask for less",
                    cep::format_duration(span), cep::format_duration(*kept)));
  }
  return {};
}

NodeServiceLimits node_service_limits(const Configuration& configuration) {
  NodeServiceLimits limits;
  limits.batches_max = size_of(configuration, "events.queue_requests_max");
  limits.bytes_max = size_of(configuration, "events.queue_bytes_max");
  limits.producers_max = size_of(configuration, "events.producers_max");
  return limits;
}

runtime::RetentionPolicy retention_policy(const Configuration& configuration) {
  runtime::RetentionPolicy policy = durable_options(configuration).retention;
  policy.traces_max = static_cast<std::uint64_t>(configuration.integer("retention.traces_max"));
  return policy;
}

std::optional<runtime::ArchiveOptions> archive_options(const Configuration& configuration,
                                                       std::size_t line_bytes_max) {
  if (!configuration.boolean("archive.enabled")) return std::nullopt;
  runtime::ArchiveOptions options;
  options.keep_for = configuration.duration_limit("archive.keep_for");
  options.bytes_max = configuration.size_limit("archive.bytes_max");
  options.backlog_bytes_max =
      configuration.size_limit("archive.backlog_max").value_or(options.backlog_bytes_max);
  options.writer.line_bytes_max = line_bytes_max;
  return options;
}

BacktestLimits backtest_limits(const Configuration& configuration) {
  return {size_of(configuration, "backtests.queue_max"),
          size_of(configuration, "backtests.kept_max"),
          static_cast<std::uint64_t>(configuration.integer("backtests.kept_bytes_max"))};
}

CheckLimits check_limits(const Configuration& configuration) {
  CheckLimits limits;
  limits.at_once = static_cast<int>(configuration.integer("checks.at_once"));
  limits.memory_max = static_cast<std::uint64_t>(configuration.integer("checks.memory_max"));
  limits.time_max = std::chrono::milliseconds(configuration.duration("checks.time_max").us / 1000);
  return limits;
}

ReadLimits read_limits(const Configuration& configuration) {
  ReadLimits limits;
  limits.at_once = size_of(configuration, "queries.at_once");
  // Who runs or waits has a thread of those that answer events, too.
  const std::size_t half = size_of(configuration, "http.workers") / 2;
  limits.waiting_max = std::min(size_of(configuration, "queries.waiting_max"),
                                half - std::min(half, limits.at_once));
  limits.waiting_each = share_of(configuration, limits.waiting_max);
  limits.patience = std::chrono::milliseconds(configuration.duration("queries.wait_max").us / 1000);
  limits.exports_max = size_of(configuration, "queries.exports_max");
  limits.exports_each = share_of(configuration, limits.exports_max);
  return limits;
}

HistoryLimits history_limits(const Configuration& configuration) {
  return {static_cast<std::uint64_t>(configuration.integer("history.events_max")),
          size_of(configuration, "history.values_max"),
          std::chrono::microseconds(configuration.duration("history.lists_time").us),
          static_cast<std::uint64_t>(configuration.integer("history.keys_max"))};
}

BackupOptions backup_options(const Configuration& configuration) {
  return {configuration.duration_limit("backups.every"), size_of(configuration, "backups.keep"),
          configuration.size_limit("backups.bytes_per_second"), version_parts().front().second};
}

BacktestResources backtest_resources(const Configuration& configuration, runtime::Files& files,
                                     std::string data, runtime::RunOptions options) {
  options.heartbeat.reset();
  options.idle_after.reset();
  options.drift_max.reset();
  options.workers = nullptr;
  options.slice_rows_max = kBacktestSliceRows;
  BacktestResources resources{files, std::move(data), std::move(options), {}};
  resources.workers = static_cast<std::uint32_t>(configuration.integer("backtests.workers"));
  resources.memory_max = static_cast<std::uint64_t>(configuration.integer("backtests.memory_max"));
  resources.compare_max = size_of(configuration, "backtests.compare_max");
  return resources;
}

Result<AlertServicesOptions> alert_services_options(const Configuration& configuration) {
  AlertServicesOptions options;
  options.query.rows_max = size_of(configuration, "alerts.query_rows_max");
  options.feed.followers_max = size_of(configuration, "alerts.streams_max");
  options.streams_each = share_of(configuration, options.feed.followers_max);
  options.feed.heartbeat = time_of(configuration, "alerts.stream_heartbeat");
  SubscriptionOptions& subscriptions = options.subscriptions;
  Result<AddressPolicy> addresses = AddressPolicy::make(configuration.texts("webhooks.allow"));
  if (!addresses) {
    return fail(Errc::kInvalidArgument, "webhooks.allow: " + addresses.error().message);
  }
  subscriptions.addresses = *std::move(addresses);
  Result<SecretKeys> keys = given_keys(configuration.text("secrets.key_file"), false);
  if (!keys) return tl::unexpected(keys.error());
  subscriptions.keys = *std::move(keys);
  subscriptions.timeouts = {time_of(configuration, "webhooks.connect_timeout"),
                            time_of(configuration, "webhooks.total_timeout")};
  subscriptions.log_max = size_of(configuration, "webhooks.log_max");
  subscriptions.limits.subscriptions_max = size_of(configuration, "webhooks.subscriptions_max");
  subscriptions.planner.rate_cap = {
      static_cast<std::uint64_t>(configuration.integer("webhooks.brake_per_rule")),
      static_cast<std::uint64_t>(configuration.integer("webhooks.brake_in_all")),
      configuration.duration("webhooks.brake_window")};
  if (subscriptions.planner.rate_cap.window < cep::Duration{1'000'000}) {
    return fail(Errc::kInvalidArgument, "webhooks.brake_window must be at least 1s");
  }
  subscriptions.planner.groups_max = size_of(configuration, "webhooks.groups_max");
  subscriptions.messages = {size_of(configuration, "webhooks.group_alerts_max"),
                            size_of(configuration, "webhooks.group_bytes_max")};
  subscriptions.silences = {size_of(configuration, "silences.max"),
                            configuration.duration("silences.ended_kept")};
  subscriptions.pool.slots = size_of(configuration, "webhooks.slots");
  subscriptions.pool.unproven_slots = size_of(configuration, "webhooks.unproven_slots");
  subscriptions.pool.retry_delays.clear();
  for (const std::string& text : configuration.texts("webhooks.retry_delays")) {
    const std::optional<cep::Duration> delay = cep::parse_duration(text);
    if (!delay || delay->us < 1000) {
      return fail(Errc::kInvalidArgument,
                  "webhooks.retry_delays takes durations such as 5s,1m,5m, not " + text);
    }
    subscriptions.pool.retry_delays.emplace_back(delay->us / 1000);
  }
  if (subscriptions.pool.retry_delays.empty()) {
    return fail(Errc::kInvalidArgument, "webhooks.retry_delays needs at least one duration");
  }
  return options;
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  if (const Result<LoopbackAddress> loopback = parse_loopback_address(text)) {
    return ListenAddress{loopback->host, loopback->port, true};
  }
  const std::size_t colon = text.rfind(':');
  ListenAddress address;
  if (colon != std::string_view::npos) {
    std::string host(text.substr(0, colon));
    const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
    if (is_bracketed) host = host.substr(1, host.size() - 2);
    std::array<std::uint8_t, sizeof(in6_addr)> bytes{};
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, address.port);
    const bool is_port = parsed.ec == std::errc{} && parsed.ptr == end;
    if (is_port && inet_pton(is_bracketed ? AF_INET6 : AF_INET, host.c_str(), bytes.data()) == 1) {
      address.host = host;
      return address;
    }
  }
  return fail(Errc::kInvalidArgument,
              fmt::format("http.listen takes a numeric address and a port, such as 127.0.0.1:8627, "
                          "0.0.0.0:8627 or [::1]:8627, not {}",
                          text));
}
}  // namespace tocsin::api

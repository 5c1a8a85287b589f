#include "api/server/serve_settings.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <vector>

#include "api/net/loopback_address.h"

namespace tocsin::api {
namespace {
using Type = SettingType;
constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;

std::vector<Setting> make_settings() {
  return {
      Setting{"data.path", Type::kText, "tocsin-data", "The folder in which everything is kept"},
      Setting{"data.from", Type::kText, "",
              "A savepoint's folder: a new data directory begins with its state"},
      Setting{"rules.path", Type::kTexts, "",
              "Rule files, or folders with .tocsin files below them; none: those that the data "
              "directory holds"},
      Setting{
          "rules.deploy", Type::kBoolean, "false",
          "Where the data directory holds other rules than rules.path: have these hold from now "
          "on, instead of refusing to start"},
      Setting{"http.listen", Type::kText, "127.0.0.1:8627",
              "Where to listen: a numeric address and a port; port 0 is any free one"},
      Setting{"http.port_file", Type::kText, "", "Write the port there once it is listened on"},
      Setting{"http.connections_max", Type::kInteger, "256",
              "Connections at once; more are answered with 503", 1, 10'000},
      Setting{"http.head_bytes_max", Type::kBytes, "32KiB", "Of a request's line and headers", kKiB,
              kMiB},
      Setting{"http.header_count_max", Type::kInteger, "100", "Headers of a request", 10, 1000},
      Setting{"http.body_bytes_max", Type::kBytes, "16MiB", "Of a request's body, as it is sent",
              kKiB, kGiB},
      Setting{"http.unpacked_bytes_max", Type::kBytes, "64MiB", "Of a packed body, unpacked", kKiB,
              2 * kGiB},
      Setting{"http.bodies_bytes_max", Type::kBytes, "256MiB",
              "Of all bodies that are held at once; more are answered with 503", kKiB, 64 * kGiB},
      Setting{"http.head_time_max", Type::kDuration, "10s", "For a request's head to come"},
      Setting{"http.request_time_max", Type::kDuration, "60s",
              "For a whole request, its answer too"},
      Setting{"http.keep_alive_max", Type::kDuration, "60s",
              "Between two requests of a connection"},
      Setting{"http.requests_per_second", Type::kInteger, "1000", "That one token may make", 1,
              1'000'000},
      Setting{"http.requests_burst", Type::kInteger, "2000", "That one token may make at once", 1,
              1'000'000},
      Setting{"events.request_events_max", Type::kInteger, "100000", "Events of one request", 1,
              100'000'000},
      Setting{"events.queue_requests_max", Type::kInteger, "1024",
              "Requests with events that wait for the engine; more are answered with 503", 1,
              1'000'000},
      Setting{"events.queue_bytes_max", Type::kBytes, "64MiB",
              "Of the events in them; more are answered with 503", kKiB, 64 * kGiB},
      Setting{"events.producers_max", Type::kInteger, "10000", "Producers whose sequences are kept",
              1, 10'000'000},
      Setting{"events.producers_expire", Type::kDuration, "30d",
              "A producer that has sent nothing for so long is forgotten, with its sequence; 0: "
              "none is"},
      Setting{
          "events.unknown_types",
          Type::kWord,
          "dead",
          "An event of a type that no rule file declares: dead, it is invalid and kept as a dead "
          "letter, or ignore, it is counted and passed by",
          0,
          0,
          {"dead", "ignore"}},
      Setting{
          "memory.max", Type::kBytes, "0",
          "Of the rules' state and of events that wait to be put in order; beyond it events are "
          "answered with 503 until it falls; 0: any number"},
      Setting{"memory.reorder", Type::kBytes, "1GiB",
              "The same of events that wait to be put in order alone", 64 * kKiB, 1024 * kGiB},
      Setting{"lists.entries_max", Type::kInteger, "1000000",
              "Entries of a list, or rows of a table, that changes may bring it to", 1,
              1'000'000'000},
      Setting{"lists.value_bytes_max", Type::kBytes, "1KiB", "Of one text in an entry", 16, kMiB},
      Setting{"time.out_of_orderness", Type::kDuration, "0",
              "How long to wait for events out of time order; alerts wait as long"},
      Setting{"time.late_policy",
              Type::kWord,
              "clamp",
              "An event that comes later still: clamp, take it as if it happened now, or side, set "
              "it aside",
              0,
              0,
              {"clamp", "side"}},
      Setting{"time.late_max", Type::kDuration, "0",
              "An event later than this is set aside under both; 0: none is too late"},
      Setting{
          "time.ahead_max", Type::kDuration, "10m",
          "An event further ahead of the clock is invalid, so that one wrong clock does not move "
          "time; 0: none is"},
      Setting{
          "time.jump_max", Type::kDuration, "1d",
          "With late_policy side: an event that jumps ahead of the time of events before it by "
          "more "
          "than this is held until the next confirms it, and invalid if the next three are back at "
          "the old time; 0: none is held"},
      Setting{"time.heartbeat", Type::kDuration, "1s",
              "After so long without an event time moves on with the clock, so that absences are "
              "decided; 0: time waits for events"},
      Setting{"journal.segment_bytes", Type::kBytes, "64MiB", "Of one file of the journal",
              8 * kKiB, kGiB},
      Setting{
          "checkpoint.every", Type::kDuration, "30s",
          "How often the state is written, so that a start need not begin from the first event"},
      Setting{"alerts.query_rows_max", Type::kInteger, "100000",
              "Alerts that one page of a query looks at; the next goes on", 100, 10'000'000},
      Setting{"alerts.streams_max", Type::kInteger, "64",
              "Live streams at once; more are answered with 503", 1, 10'000},
      Setting{"alerts.stream_heartbeat", Type::kDuration, "15s",
              "A live stream on which nothing happens has a comment so often"},
      Setting{"webhooks.allow", Type::kTexts, "",
              "Addresses and ranges beside public ones that webhooks may go to, such as "
              "10.20.0.0/16 or 127.0.0.1"},
      Setting{"webhooks.slots", Type::kInteger, "16",
              "Webhooks that are sent at once to endpoints whose last answer was good", 1, 1024},
      Setting{"webhooks.unproven_slots", Type::kInteger, "64",
              "And to all others: new ones, those that failed last, those that are slow", 1, 1024},
      Setting{"webhooks.retry_delays", Type::kTexts, "5s,1m,5m,30m,2h,5h,10h,20h",
              "Before the second, third, … attempt, each varied by up to a quarter"},
      Setting{"webhooks.connect_timeout", Type::kDuration, "3s", "For an endpoint to be reached"},
      Setting{"webhooks.total_timeout", Type::kDuration, "15s", "For a whole attempt"},
      Setting{"webhooks.log_max", Type::kInteger, "1000",
              "Attempts that are kept of each subscription", 1, 1'000'000},
      Setting{"webhooks.subscriptions_max", Type::kInteger, "1000", "Subscriptions", 1, 100'000},
      Setting{"webhooks.brake_window", Type::kDuration, "1m",
              "The time in which a subscription is sent so many alerts at most; the rest is "
              "counted in a summary"},
      Setting{"webhooks.brake_per_rule", Type::kInteger, "120",
              "Alerts of one rule in that time; 0: any number", 0, 1'000'000},
      Setting{"webhooks.brake_in_all", Type::kInteger, "600",
              "Alerts of all rules together in that time; 0: any number", 0, 1'000'000},
      Setting{"webhooks.groups_max", Type::kInteger, "10000",
              "Groups of one subscription that wait or rest; alerts of others go by themselves", 1,
              1'000'000},
      Setting{"webhooks.group_alerts_max", Type::kInteger, "100",
              "Alerts in the message of one group; the rest is counted", 1, 10'000},
      Setting{"webhooks.group_bytes_max", Type::kBytes, "1MiB", "Of them, in one message", kKiB,
              64 * kMiB},
      Setting{"silences.max", Type::kInteger, "1000", "Silences that have not ended", 1, 100'000},
      Setting{"silences.ended_kept", Type::kDuration, "5d",
              "How long a silence is shown after its end"},
      Setting{"retention.alerts_age", Type::kDuration, "0", "Alerts are kept so long; 0: for ever"},
      Setting{"retention.alerts_bytes", Type::kBytes, "0", "Of all alerts kept; 0: any number"},
      Setting{"retention.aside_age", Type::kDuration, "0",
              "Late events and dead letters are kept so long; 0: for ever"},
      Setting{"retention.aside_bytes", Type::kBytes, "0",
              "Of all late events, and of all dead letters; 0: any number"},
      Setting{"retention.traces_max", Type::kInteger, "1000000",
              "Traces (traceparent) of events that alerts of deadlines may yet ask for; the oldest "
              "go",
              1000, 1'000'000'000},
      Setting{"idempotency.age_max", Type::kDuration, "24h",
              "Answers to requests with an Idempotency-Key are kept so long"},
      Setting{"idempotency.answers_max", Type::kInteger, "100000", "Of them at once; the oldest go",
              1000, 10'000'000},
      Setting{"idempotency.bytes_max", Type::kBytes, "64MiB", "Of all of them; the oldest go", kMiB,
              64 * kGiB},
      Setting{"audit.age_max", Type::kDuration, "0",
              "Entries of the audit log are kept so long; 0: for ever"},
      Setting{"audit.bytes_max", Type::kBytes, "1GiB",
              "Of all of them; the oldest go; 0: any number"},
      Setting{"audit.refusals_per_minute", Type::kInteger, "600",
              "Refusals for want of a token or role that are written down; more are counted", 1,
              1'000'000},
  };
}

std::chrono::milliseconds time_of(const Configuration& configuration, std::string_view name) {
  return std::chrono::milliseconds(
      std::max<std::int64_t>(configuration.duration(name).us / 1000, 1));
}
std::size_t size_of(const Configuration& configuration, std::string_view name) {
  return static_cast<std::size_t>(configuration.integer(name));
}
}  // namespace

std::span<const Setting> serve_settings() {
  static const std::vector<Setting> kSettings = make_settings();
  return kSettings;
}

std::optional<cep::Duration> duration_or_none(const Configuration& configuration,
                                              std::string_view name) {
  const cep::Duration duration = configuration.duration(name);
  return duration.us == 0 ? std::nullopt : std::optional(duration);
}

HttpServerLimits http_limits(const Configuration& configuration) {
  HttpServerLimits limits;
  limits.head.head_bytes_max = size_of(configuration, "http.head_bytes_max");
  limits.head.header_count_max = size_of(configuration, "http.header_count_max");
  limits.body_bytes_max = size_of(configuration, "http.body_bytes_max");
  limits.head_time_max = time_of(configuration, "http.head_time_max");
  limits.request_time_max = time_of(configuration, "http.request_time_max");
  limits.keep_alive_max = time_of(configuration, "http.keep_alive_max");
  limits.connections_max = size_of(configuration, "http.connections_max");
  return limits;
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
  limits.age_max = duration_or_none(configuration, "audit.age_max");
  if (const std::size_t most = size_of(configuration, "audit.bytes_max"); most != 0) {
    limits.bytes_max = most;
  }
  limits.refusals_per_minute =
      static_cast<double>(configuration.integer("audit.refusals_per_minute"));
  return limits;
}

NodeServiceLimits node_service_limits(const Configuration& configuration) {
  NodeServiceLimits limits;
  limits.batches_max = size_of(configuration, "events.queue_requests_max");
  limits.bytes_max = size_of(configuration, "events.queue_bytes_max");
  limits.producers_max = size_of(configuration, "events.producers_max");
  return limits;
}

runtime::RetentionPolicy retention_policy(const Configuration& configuration) {
  const auto of = [&](const char* age, const char* bytes) {
    runtime::Retention retention;
    retention.age_max = duration_or_none(configuration, age);
    if (const std::int64_t most = configuration.integer(bytes); most != 0) {
      retention.bytes_max = static_cast<std::uint64_t>(most);
    }
    return retention;
  };
  runtime::RetentionPolicy policy{of("retention.alerts_age", "retention.alerts_bytes"),
                                  of("retention.aside_age", "retention.aside_bytes")};
  policy.traces_max = static_cast<std::uint64_t>(configuration.integer("retention.traces_max"));
  return policy;
}

Result<AlertServicesOptions> alert_services_options(const Configuration& configuration) {
  AlertServicesOptions options;
  options.query.rows_max = size_of(configuration, "alerts.query_rows_max");
  options.feed.followers_max = size_of(configuration, "alerts.streams_max");
  options.feed.heartbeat = time_of(configuration, "alerts.stream_heartbeat");
  SubscriptionOptions& subscriptions = options.subscriptions;
  Result<AddressPolicy> addresses = AddressPolicy::make(configuration.texts("webhooks.allow"));
  if (!addresses) {
    return fail(Errc::kInvalidArgument, "webhooks.allow: " + addresses.error().message);
  }
  subscriptions.addresses = *std::move(addresses);
  subscriptions.timeouts = {time_of(configuration, "webhooks.connect_timeout"),
                            time_of(configuration, "webhooks.total_timeout")};
  subscriptions.log_max = size_of(configuration, "webhooks.log_max");
  subscriptions.limits.subscriptions_max = size_of(configuration, "webhooks.subscriptions_max");
  subscriptions.planner.rate_cap = {
      static_cast<std::uint64_t>(configuration.integer("webhooks.brake_per_rule")),
      static_cast<std::uint64_t>(configuration.integer("webhooks.brake_in_all")),
      configuration.duration("webhooks.brake_window")};
  if (subscriptions.planner.rate_cap.window < cep::Duration{1'000'000}) {
    return fail(Errc::kInvalidArgument, "webhooks.brake_window takes a second or more");
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

RunArguments run_arguments(const Configuration& configuration, bool is_said_only) {
  RunArguments arguments;
  arguments.data = configuration.text("data.path");
  const auto take = [&](std::string_view name, std::string& place) {
    if (is_said_only && configuration.origin(name) == "default") return;
    place = configuration.text(name);
  };
  take("time.out_of_orderness", arguments.out_of_orderness);
  take("time.late_policy", arguments.late_policy);
  take("events.unknown_types", arguments.unknown_types);
  take("checkpoint.every", arguments.checkpoint_every);
  take("memory.reorder", arguments.reorder_memory);
  take("journal.segment_bytes", arguments.journal_segment);
  // What is 0 there is not said here.
  for (const auto& [name, place] : {std::pair{"time.late_max", &arguments.late_max},
                                    std::pair{"time.ahead_max", &arguments.ahead_max},
                                    std::pair{"time.jump_max", &arguments.jump_max}}) {
    take(name, *place);
    if (configuration.duration(name).us == 0) place->clear();
  }
  return arguments;
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

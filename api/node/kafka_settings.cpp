#include "api/node/kafka_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/schemas/message_formats.h"
#include "runtime/kafka/kafka_properties.h"

namespace tocsin::api {
namespace {
constexpr const char* kReadAlerts = "kafka.read_alerts_topics";

Result<std::vector<std::string>> read_topics(const Configuration& settings,
                                             const std::string& name) {
  std::vector<std::string> topics = settings.texts(name);
  std::ranges::sort(topics);
  const auto twice = std::ranges::adjacent_find(topics);
  if (twice == topics.end()) return topics;
  return fail(
      Errc::kInvalidArgument,
      fmt::format("{} names {} twice, and each of its messages would count twice", name, *twice));
}

// Of the file that the setting names, if it names one.
Result<runtime::KafkaProperties> read_properties(const Configuration& settings,
                                                 const std::string& name) {
  const std::string& file = settings.text(name);
  if (file.empty()) return runtime::KafkaProperties();
  Result<runtime::KafkaProperties> properties = runtime::read_kafka_properties(file);
  if (!properties) return fail(properties.error().code, name + ": " + properties.error().message);
  return properties;
}

Result<runtime::KafkaConnection> read_sink_connection(const Configuration& settings,
                                                      const std::string& topic_setting) {
  runtime::KafkaConnection connection;
  const bool has_own = !settings.text("kafka.write_brokers").empty();
  connection.brokers = settings.text(has_own ? "kafka.write_brokers" : "kafka.brokers");
  if (connection.brokers.empty()) {
    return fail(Errc::kInvalidArgument,
                topic_setting + " needs kafka.brokers: the brokers that have the topic");
  }
  const bool has_file = has_own || !settings.text("kafka.write_client_file").empty();
  const std::string file = has_file ? "kafka.write_client_file" : "kafka.client_file";
  Result<runtime::KafkaProperties> properties = read_properties(settings, file);
  if (!properties) return tl::unexpected(properties.error());
  if (auto checked = runtime::check_writer_properties(*properties); !checked)
    return fail(checked.error().code, file + ": " + checked.error().message);
  connection.properties = *std::move(properties);
  return connection;
}

// A message that is written to a topic that is read would come again for ever.
Result<void> check_sink_topics(const Configuration& settings, const KafkaSinkSettings& sinks) {
  if (!settings.text("kafka.write_brokers").empty()) return {};
  for (const char* const reader : {"kafka.topics", kReadAlerts}) {
    const std::vector<std::string> read = settings.texts(reader);
    for (const KafkaSinkTopic& one : sinks.topics) {
      if (std::ranges::find(read, one.topic) == read.end()) continue;
      return fail(Errc::kInvalidArgument,
                  fmt::format("{} is a topic that {} reads, and what is written would come again: "
                              "name another topic than {}",
                              one.setting, reader, one.topic));
    }
  }
  return {};
}

// What readers of events and of alerts share.
Result<KafkaSettings> reader_settings(const Configuration& settings,
                                      std::vector<std::string> topics) {
  KafkaSettings kafka;
  kafka.reader.topics = std::move(topics);
  kafka.reader.connection.brokers = settings.text("kafka.brokers");
  kafka.reader.connection.start_timeout =
      std::chrono::milliseconds(settings.duration("kafka.start_timeout").us / 1000);
  kafka.reader.group = settings.text("kafka.group");
  Result<runtime::KafkaProperties> properties = read_properties(settings, "kafka.client_file");
  if (!properties) return tl::unexpected(properties.error());
  kafka.reader.connection.properties = *std::move(properties);
  // What other consumers call it.
  const auto commit_ms =
      runtime::kafka_number(kafka.reader.connection.properties, "auto.commit.interval.ms");
  if (commit_ms && *commit_ms > 0) kafka.inputs.commit_every = cep::Duration{*commit_ms * 1000};
  kafka.inputs.begins_at_end = settings.text("kafka.begin") == "end";
  for (const std::string& text : settings.texts("kafka.accept_gap")) {
    const std::optional<runtime::AcceptedGap> gap = runtime::parse_accepted_gap(text);
    if (!gap) {
      return fail(Errc::kInvalidArgument,
                  fmt::format("kafka.accept_gap takes TOPIC/PARTITION=FROM..TO, as a start that "
                              "was refused says it, not {}",
                              text));
    }
    kafka.inputs.accepted_gaps.push_back(*gap);
  }
  return kafka;
}
Result<std::optional<KafkaSinkSettings>> sink_settings(const Configuration& settings) {
  KafkaSinkSettings sinks;
  std::string name = settings.text("kafka.writer");
  if (name.empty()) name = settings.text("kafka.group");
  if (name.empty()) name = "tocsin";
  for (const runtime::SinkStream stream : runtime::kSinkStreams) {
    KafkaSinkTopic one;
    one.stream = stream;
    one.setting = fmt::format("kafka.{}_topic", runtime::name_of(stream));
    one.topic = settings.text(one.setting);
    if (one.topic.empty()) continue;
    one.writer = fmt::format("{}.{}.{}", name, runtime::name_of(stream), one.topic);
    sinks.topics.push_back(std::move(one));
  }
  if (sinks.topics.empty()) return std::nullopt;
  Result<runtime::KafkaConnection> connection =
      read_sink_connection(settings, sinks.topics.front().setting);
  if (!connection) return tl::unexpected(connection.error());
  sinks.connection = *std::move(connection);
  if (auto checked = check_sink_topics(settings, sinks); !checked)
    return tl::unexpected(checked.error());
  sinks.with_shadow = settings.boolean("kafka.alerts_shadow");
  sinks.with_pii = settings.boolean("kafka.alerts_pii");
  sinks.batch_bytes = static_cast<std::size_t>(settings.integer("kafka.batch_bytes"));
  sinks.tail_max = static_cast<std::size_t>(settings.integer("kafka.tail_max"));
  return sinks;
}

Result<std::optional<KafkaSettings>> alert_settings(const Configuration& settings) {
  Result<std::vector<std::string>> topics = read_topics(settings, kReadAlerts);
  if (!topics) return tl::unexpected(topics.error());
  if (topics->empty()) return std::nullopt;
  if (settings.text("kafka.brokers").empty()) {
    return fail(
        Errc::kInvalidArgument,
        fmt::format("{} needs kafka.brokers: the brokers that have the topics", kReadAlerts));
  }
  const std::vector<std::string> events = settings.texts("kafka.topics");
  for (const std::string& topic : *topics) {
    if (std::ranges::find(events, topic) == events.end()) continue;
    return fail(Errc::kInvalidArgument,
                fmt::format("{} and kafka.topics both name {}: its messages are alerts or events",
                            kReadAlerts, topic));
  }
  Result<KafkaSettings> kafka = reader_settings(settings, *std::move(topics));
  if (!kafka) return tl::unexpected(kafka.error());
  return *std::move(kafka);
}

// `may_lack`: brokers may be named without topics of events.
Result<std::optional<KafkaSettings>> event_settings(const Configuration& settings, bool may_lack) {
  Result<std::vector<std::string>> topics = read_topics(settings, "kafka.topics");
  if (!topics) return tl::unexpected(topics.error());
  const std::string& brokers = settings.text("kafka.brokers");
  if (topics->empty() && (brokers.empty() || may_lack)) return std::nullopt;
  if (topics->empty() || brokers.empty()) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{} needs {}: which topics of which brokers are to be read",
                            topics->empty() ? "kafka.brokers" : "kafka.topics",
                            topics->empty() ? "kafka.topics" : "kafka.brokers"));
  }
  Result<KafkaSettings> kafka = reader_settings(settings, *std::move(topics));
  if (!kafka) return tl::unexpected(kafka.error());
  Result<std::shared_ptr<runtime::MessageFormat>> format = make_message_format(settings);
  if (!format) return tl::unexpected(format.error());
  kafka->reader.format = *std::move(format);
  kafka->idle_after = settings.duration_limit("kafka.idle_after");
  kafka->drift_max = settings.duration_limit("kafka.drift_max");
  return *std::move(kafka);
}
}  // namespace

Result<std::optional<KafkaSettings>> kafka_settings(const Configuration& settings) {
  return event_settings(settings, /*may_lack=*/false);
}

Result<ServerTopics> server_topics(const Configuration& settings) {
  Result<std::optional<KafkaSinkSettings>> sinks = sink_settings(settings);
  if (!sinks) return tl::unexpected(sinks.error());
  Result<std::optional<KafkaSettings>> alerts = alert_settings(settings);
  if (!alerts) return tl::unexpected(alerts.error());
  Result<std::optional<KafkaSettings>> events =
      event_settings(settings, sinks->has_value() || alerts->has_value());
  if (!events) return tl::unexpected(events.error());
  return ServerTopics{*std::move(events), *std::move(alerts),
                      std::move(*sinks).value_or(KafkaSinkSettings())};
}
}  // namespace tocsin::api

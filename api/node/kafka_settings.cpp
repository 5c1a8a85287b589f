#include "api/node/kafka_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "runtime/kafka/kafka_properties.h"

namespace tocsin::api {
namespace {
Result<std::vector<std::string>> read_topics(const Configuration& settings) {
  std::vector<std::string> topics = settings.texts("kafka.topics");
  std::ranges::sort(topics);
  const auto twice = std::ranges::adjacent_find(topics);
  if (twice == topics.end()) return topics;
  return fail(
      Errc::kInvalidArgument,
      fmt::format("kafka.topics names {} twice, and each of its events would count twice", *twice));
}
}  // namespace

Result<std::optional<KafkaSettings>> kafka_settings(const Configuration& settings) {
  Result<std::vector<std::string>> topics = read_topics(settings);
  if (!topics) return tl::unexpected(topics.error());
  const std::string& brokers = settings.text("kafka.brokers");
  if (topics->empty() && brokers.empty()) return std::nullopt;
  if (topics->empty() || brokers.empty()) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{} needs {}: which topics of which brokers are to be read",
                            topics->empty() ? "kafka.brokers" : "kafka.topics",
                            topics->empty() ? "kafka.topics" : "kafka.brokers"));
  }
  KafkaSettings kafka;
  kafka.reader.topics = *std::move(topics);
  kafka.reader.connection.brokers = brokers;
  kafka.reader.connection.start_timeout =
      std::chrono::milliseconds(settings.duration("kafka.start_timeout").us / 1000);
  kafka.reader.group = settings.text("kafka.group");
  if (const std::string& file = settings.text("kafka.client_file"); !file.empty()) {
    Result<runtime::KafkaProperties> properties = runtime::read_kafka_properties(file);
    if (!properties) {
      return fail(properties.error().code, "kafka.client_file: " + properties.error().message);
    }
    kafka.reader.connection.properties = *std::move(properties);
  }
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
  kafka.idle_after = settings.duration_limit("kafka.idle_after");
  kafka.drift_max = settings.duration_limit("kafka.drift_max");
  return kafka;
}
}  // namespace tocsin::api

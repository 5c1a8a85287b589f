/// Settings of topics (api/base/settings.h), of `run` and `serve`, as their readers take them.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "api/base/configuration.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/effects/sink_mark.h"
#include "runtime/inputs/topic_inputs.h"
#include "runtime/kafka/kafka_client.h"

namespace tocsin::api {
struct KafkaSettings {
  /// Without the callbacks, and with the standard length of lines.
  runtime::KafkaReaderOptions reader;
  runtime::TopicInputOptions inputs;
  std::optional<cep::Duration> idle_after;
  std::optional<cep::Duration> drift_max;
};
/// A topic that a stream is written to.
struct KafkaSinkTopic {
  runtime::SinkStream stream = runtime::SinkStream::kAlerts;
  std::string setting;  // that names it
  std::string topic;
  std::string writer;  // the id
};
struct KafkaSinkSettings {
  runtime::KafkaConnection connection;
  std::vector<KafkaSinkTopic> topics;
  bool with_shadow = false;
  bool with_pii = false;  // alerts go with personal data
  std::size_t batch_bytes = 0;
  std::size_t tail_max = 0;
};
/// All topics of a server.
struct ServerTopics {
  std::optional<KafkaSettings> events;  // that are read
  std::optional<KafkaSettings> alerts;  // of other engines, that are read
  KafkaSinkSettings sinks;              // that are written
};
/// Fails as kafka_settings().
Result<ServerTopics> server_topics(const Configuration& settings);
/// Of `run`: nothing where no topics are to be read. Fails with kInvalidArgument, naming the
/// setting; kIo for a file of properties that cannot be read.
Result<std::optional<KafkaSettings>> kafka_settings(const Configuration& settings);
}  // namespace tocsin::api

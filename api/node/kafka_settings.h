/// Settings of topics (api/base/settings.h), of `run` and `serve`, as their readers take them.
#pragma once
#include <optional>

#include "api/base/configuration.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
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
/// Nothing where no topics are to be read. Fails with kInvalidArgument, naming the setting; kIo for
/// a file of properties that cannot be read.
Result<std::optional<KafkaSettings>> kafka_settings(const Configuration& settings);
}  // namespace tocsin::api

// In place of the reader where the program is built without librdkafka.
#include "runtime/kafka/kafka_client.h"

namespace tocsin::runtime {
Result<std::unique_ptr<TopicClient>> open_kafka_reader(KafkaReaderOptions /*options*/) {
  return fail(Errc::kInvalidArgument,
              "this tocsin was built without Kafka: install librdkafka (./do setup kafka) and "
              "build it again");
}

std::optional<std::string> kafka_library_version() { return std::nullopt; }
}  // namespace tocsin::runtime

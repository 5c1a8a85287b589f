// In place of the reader and the writer where the program is built without librdkafka.
#include "runtime/kafka/kafka_client.h"

namespace tocsin::runtime {
namespace {
constexpr const char* kWhy =
    "this tocsin was built without Kafka: install librdkafka (./do setup kafka) and build it again";
}  // namespace

Result<std::unique_ptr<TopicClient>> open_kafka_reader(KafkaReaderOptions /*options*/) {
  return fail(Errc::kInvalidArgument, kWhy);
}

Result<OpenedTopic> open_kafka_writer(const KafkaWriterOptions& /*options*/,
                                      const TailRequest& /*tail*/) {
  return fail(Errc::kInvalidArgument, kWhy);
}

std::optional<std::string> kafka_library_version() { return std::nullopt; }
}  // namespace tocsin::runtime

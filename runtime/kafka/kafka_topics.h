/// What brokers say of topics: their partitions, and which messages these have.
#pragma once
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "cep/base/result.h"
#include "runtime/inputs/topic_client.h"
#include "runtime/io/byte_source.h"
#include "runtime/kafka/kafka_handle.h"

namespace tocsin::runtime {
/// How long, and as whom, brokers are asked. An answer that may be another one soon, as no broker
/// is there yet or none leads a partition, is asked for again until `until`.
struct KafkaQuestion {
  rd_kafka_t* handle = nullptr;
  std::string brokers;  // for messages
  std::chrono::steady_clock::time_point until;
  StopRequested stop_requested;          // may be empty
  const KafkaErrors& errors;             // of the client
  std::string setting = "kafka.topics";  // where the topic is named, for messages
  Errc unknown = Errc::kIo;              // what fails where there is no such topic
  Errc refused = Errc::kIo;              // and where none allows it
};
/// How many partitions a topic has. Fails with kIo where there is no topic of that name, no broker
/// answers, or none allows it; kStopped.
Result<std::uint32_t> count_kafka_partitions(const KafkaQuestion& question,
                                             const std::string& topic);
/// Which messages there are of a partition. Fails the same way.
Result<PartitionBounds> find_kafka_bounds(const KafkaQuestion& question,
                                          const TopicPartition& partition);
}  // namespace tocsin::runtime

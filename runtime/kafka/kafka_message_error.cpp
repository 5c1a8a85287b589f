#include "runtime/kafka/kafka_message_error.h"

#include <fmt/format.h>

#include <string>

namespace tocsin::runtime {
KafkaMessageError kafka_message_error(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      return KafkaMessageError::kEnd;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__NO_OFFSET:
      return KafkaMessageError::kMissing;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return KafkaMessageError::kRemoved;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
      return KafkaMessageError::kDamaged;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__DESTROY:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      return KafkaMessageError::kPasses;
    default:
      return KafkaMessageError::kRefused;
  }
}

Error kafka_partition_removed(const TopicPartition& partition) {
  return {Errc::kMismatch,
          partition_name(partition) + " is no longer there: its topic was deleted"};
}

std::optional<Error> kafka_reading_error(KafkaMessageError error, const TopicPartition& partition,
                                         std::uint64_t offset, const char* text) {
  const std::string name = partition_name(partition);
  switch (error) {
    case KafkaMessageError::kRemoved:
      return kafka_partition_removed(partition);
    case KafkaMessageError::kDamaged:
      return Error{Errc::kCorrupt,
                   fmt::format("{} has damaged messages behind offset {}: {}", name, offset, text)};
    case KafkaMessageError::kRefused:
      return Error{Errc::kIo, fmt::format("{} cannot be read: {}", name, text)};
    case KafkaMessageError::kEnd:
    case KafkaMessageError::kMissing:
    case KafkaMessageError::kPasses:
      break;
  }
  return std::nullopt;
}
}  // namespace tocsin::runtime

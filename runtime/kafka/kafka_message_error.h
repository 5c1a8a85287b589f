/// What an error means that the client gives in place of a message, or as the answer to a commit.
#pragma once
#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <optional>

#include "cep/base/result.h"
#include "runtime/io/topic_partition.h"

namespace tocsin::runtime {
enum class KafkaMessageError : std::uint8_t {
  kEnd,      // the partition was read to its end
  kMissing,  // the broker does not have the message that was asked for
  kRemoved,  // nor the partition
  kDamaged,
  kPasses,  // the client goes on by itself
  kRefused,
};
KafkaMessageError kafka_message_error(rd_kafka_resp_err_t error);
/// The topic of the partition was deleted.
Error kafka_partition_removed(const TopicPartition& partition);
/// What a partition's reading ends with for good, which `text` explains: `offset` is the next.
/// Nothing for kEnd, kMissing and kPasses.
std::optional<Error> kafka_reading_error(KafkaMessageError error, const TopicPartition& partition,
                                         std::uint64_t offset, const char* text);
}  // namespace tocsin::runtime

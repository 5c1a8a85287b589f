/// What an error means that the client gives in place of a message, or as the answer to a commit.
#pragma once
#include <librdkafka/rdkafka.h>

#include <cstdint>

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
}  // namespace tocsin::runtime

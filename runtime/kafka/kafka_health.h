/// What the client's statistics, a JSON text that librdkafka makes each second, say of the brokers.
#pragma once
#include <string_view>
#include <vector>

#include "runtime/io/topic_partition.h"

namespace tocsin::runtime {
struct PartitionHealth {
  TopicPartition partition;
  /// Its leader is connected, and has answered of late: silence of the partition is one.
  bool answers = false;
  /// The brokers have it. They have not before the client has asked them, and once they no longer
  /// know its topic for `topic.metadata.propagation.max.ms`.
  bool is_known = false;
};
/// The partitions of all topics that the client knows, in no order. Empty for a text of another
/// form.
std::vector<PartitionHealth> read_kafka_health(std::string_view statistics);
}  // namespace tocsin::runtime

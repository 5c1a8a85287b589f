/// What reads the topics of a broker. A port: librdkafka's (runtime/kafka), or a simulated one.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cep/base/result.h"
#include "runtime/io/message_block.h"
#include "runtime/io/topic_partition.h"

namespace tocsin::runtime {
/// The messages that a broker has of a partition: [first, end), without gaps or with.
struct PartitionBounds {
  TopicPartition partition;
  std::uint64_t first = 0;
  std::uint64_t end = 0;
};
struct PartitionPlace {
  TopicPartition partition;
  std::uint64_t next_offset = 0;
};
/// What take() found.
enum class MessagesAtHand : std::uint8_t {
  kBlock,       // messages
  kNothing,     // perhaps more is on its way: the silence says nothing
  kEnd,         // the partition was read to its end, and would bring what is new
  kOutOfRange,  // the broker does not have the message that was asked for
};

/// Reads partitions from the offsets that it is given on, each at the pace at which its blocks are
/// taken: of a partition from which nothing is taken only a bounded number of bytes is read.
///
/// Threading: one caller at a time, but for what is said to be any.
class TopicClient {
 public:
  TopicClient() = default;
  TopicClient(const TopicClient&) = delete;
  TopicClient& operator=(const TopicClient&) = delete;
  virtual ~TopicClient() = default;

  /// All partitions of the topics that are read, in their order. Waits for the broker. Fails with
  /// kIo for a topic that there is not, naming it, and where no broker answers or none allows it.
  virtual Result<std::vector<PartitionBounds>> partitions() = 0;
  /// The same of one partition.
  virtual Result<PartitionBounds> bounds(const TopicPartition& partition) = 0;
  /// Partitions that there are now and were not given by partitions() or an earlier call. Waits for
  /// nothing. Fails with kMismatch, saying so, once a topic is no longer there.
  virtual Result<std::vector<TopicPartition>> new_partitions() = 0;

  /// Begins to read a partition at `offset`; once of each. Gives its index: 0, 1, 2, …
  virtual Result<std::size_t> begin(const TopicPartition& partition, std::uint64_t offset) = 0;
  /// Goes on with a partition at `offset`: what was read of it and not taken is let go of.
  virtual void go_to(std::size_t index, std::uint64_t offset) = 0;
  /// The next messages of a partition, into `block`, which is closed. Waits for nothing. Fails for
  /// good, with kIo where the broker refuses, kCorrupt for messages that are damaged.
  virtual Result<MessagesAtHand> take(std::size_t index, MessageBlock& block) = 0;
  /// Waits for at most so long until something else may be at hand.
  virtual void wait(std::chrono::milliseconds at_most) = 0;
  /// The offset behind the last message that the broker is known to have. Nothing before it has
  /// said so.
  virtual std::optional<std::uint64_t> end_of(std::size_t index) const = 0;
  /// Tells the broker how far each was read, for tools that show how far behind a reader is. Waits
  /// for nothing, and may be lost.
  virtual void commit(std::span<const PartitionPlace> places) = 0;
};
}  // namespace tocsin::runtime

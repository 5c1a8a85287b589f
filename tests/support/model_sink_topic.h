/// A topic in memory that is written to in transactions: what a broker has of it outlives those who
/// write, and each step of writing may fail.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/outputs/topic_writer.h"

namespace tocsin::tests {
enum class SinkFault : std::uint8_t {
  kNone,
  kNotWritten,   // it fails, and none of the batch is there
  kWritten,      // it fails, although all of the batch is there
  kCrashBefore,  // the process is gone before the batch
  kCrashAfter,   // or after it
};

class ModelSinkTopic {
 public:
  explicit ModelSinkTopic(std::uint32_t partitions) : partitions_(partitions) {}
  struct Message {
    runtime::TopicMessage message;
    std::string writer;
  };
  /// False: nobody answers.
  bool is_up = true;
  /// The broker takes so many messages of a batch together at most.
  std::size_t batch_max = SIZE_MAX;
  /// Asked before each batch. May be empty.
  std::function<SinkFault()> fault;
  /// Batches that are not there leave the offsets of a transaction that was ended.
  bool leaves_offsets = false;
  /// The process of who writes is gone since a fault.
  bool crashed = false;
  std::uint64_t opened = 0;

  Result<runtime::OpenedTopic> open(const std::string& writer, const runtime::TailRequest& tail);
  /// Removes what is before the offset.
  void retain_from(std::uint32_t partition, std::uint64_t first);
  /// The topic is deleted and created again.
  void create_again();
  /// By offset, of a partition.
  const std::map<std::uint64_t, Message>& partition(std::uint32_t number) const {
    return partitions_[number].messages;
  }
  std::uint32_t partitions() const { return static_cast<std::uint32_t>(partitions_.size()); }
  /// How often each key is there.
  std::map<std::string, int> keys() const;

 private:
  friend class ModelTopicWriter;
  struct Partition {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    std::map<std::uint64_t, Message> messages;
  };
  Result<runtime::TopicPlaces> write(const std::string& writer, std::uint64_t epoch,
                                     std::span<const runtime::TopicMessage> messages);
  runtime::TopicPlaces append(const std::string& writer,
                              std::span<const runtime::TopicMessage> messages);
  void end_transaction(std::span<const runtime::TopicMessage> messages);

  std::vector<Partition> partitions_;
  std::map<std::string, std::uint64_t> epochs_;  // by writer
};
}  // namespace tocsin::tests

/// A broker in memory, and a client that reads it: what a test does to topics, a run sees.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/inputs/topic_client.h"

namespace tocsin::tests {
/// The messages of one partition by offset; a value is nothing for a tombstone.
struct ModelPartition {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  std::map<std::uint64_t, std::optional<std::string>> messages;
};
class ModelBroker {
 public:
  /// False: nobody answers.
  bool is_up = true;
  /// What readers said of their places, by partition_name().
  std::map<std::string, std::uint64_t> committed;

  void create(const std::string& topic, std::uint32_t partitions);
  void remove(const std::string& topic) { topics_.erase(topic); }
  /// Appends a message and gives its offset.
  std::uint64_t produce(const std::string& topic, std::uint32_t partition,
                        std::optional<std::string> value);
  /// Appends offsets that have no message.
  void skip(const std::string& topic, std::uint32_t partition, std::uint64_t count);
  /// Removes what is before the offset.
  void retain_from(const std::string& topic, std::uint32_t partition, std::uint64_t first);
  /// Removes the offset and all behind it.
  void truncate(const std::string& topic, std::uint32_t partition, std::uint64_t end);
  /// Null where there is none.
  const ModelPartition* find(const runtime::TopicPartition& partition) const;
  std::vector<runtime::TopicPartition> partitions(const std::string& topic) const;

 private:
  std::map<std::string, std::vector<ModelPartition>> topics_;
};

class ModelTopicClient : public runtime::TopicClient {
 public:
  /// The broker must outlive it. A block has at most so many messages.
  ModelTopicClient(ModelBroker& broker, std::vector<std::string> topics,
                   std::size_t block_messages = 1000, std::size_t line_bytes_max = 1 << 20)
      : broker_(broker),
        topics_(std::move(topics)),
        block_messages_(block_messages),
        line_bytes_max_(line_bytes_max) {}
  /// From now on.
  void set_block_messages(std::size_t count) { block_messages_ = count; }
  /// Partitions of which messages are on their way, and do not come for now.
  std::vector<runtime::TopicPartition> withheld;
  /// Partitions of which nobody says what they have.
  std::vector<runtime::TopicPartition> leaderless;

  Result<std::vector<runtime::PartitionBounds>> partitions() override;
  Result<runtime::PartitionBounds> bounds(const runtime::TopicPartition& partition) override;
  Result<std::vector<runtime::TopicPartition>> new_partitions() override;
  Result<std::size_t> begin(const runtime::TopicPartition& partition,
                            std::uint64_t offset) override;
  void go_to(std::size_t index, std::uint64_t offset) override {
    begun_.at(index).next_offset = offset;
  }
  Result<runtime::MessagesAtHand> take(std::size_t index, runtime::MessageBlock& block) override;
  void wait(std::chrono::milliseconds at_most) override;
  std::optional<std::uint64_t> end_of(std::size_t index) const override;
  void commit(std::span<const runtime::PartitionPlace> places) override;

 private:
  ModelBroker& broker_;
  std::vector<std::string> topics_;
  std::size_t block_messages_;
  std::size_t line_bytes_max_;
  std::vector<runtime::TopicPartition> given_;
  std::vector<runtime::PartitionPlace> begun_;
};
}  // namespace tocsin::tests

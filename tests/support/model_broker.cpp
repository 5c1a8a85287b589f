#include "tests/support/model_broker.h"

#include <algorithm>
#include <utility>

namespace tocsin::tests {
using namespace runtime;

void ModelBroker::create(const std::string& topic, std::uint32_t partitions) {
  std::vector<ModelPartition>& all = topics_[topic];
  if (all.size() < partitions) all.resize(partitions);
}

std::uint64_t ModelBroker::produce(const std::string& topic, std::uint32_t partition,
                                   std::optional<std::string> value) {
  ModelPartition& to = topics_.at(topic).at(partition);
  to.messages.emplace(to.end, std::move(value));
  return to.end++;
}

void ModelBroker::skip(const std::string& topic, std::uint32_t partition, std::uint64_t count) {
  topics_.at(topic).at(partition).end += count;
}

void ModelBroker::retain_from(const std::string& topic, std::uint32_t partition,
                              std::uint64_t first) {
  ModelPartition& of = topics_.at(topic).at(partition);
  of.first = std::max(of.first, first);
  std::erase_if(of.messages, [&](const auto& message) { return message.first < of.first; });
}

void ModelBroker::truncate(const std::string& topic, std::uint32_t partition, std::uint64_t end) {
  ModelPartition& of = topics_.at(topic).at(partition);
  of.end = std::min(of.end, end);
  std::erase_if(of.messages, [&](const auto& message) { return message.first >= of.end; });
}

const ModelPartition* ModelBroker::find(const TopicPartition& partition) const {
  const auto topic = topics_.find(partition.topic);
  if (topic == topics_.end() || partition.number >= topic->second.size()) return nullptr;
  return &topic->second[partition.number];
}

std::vector<TopicPartition> ModelBroker::partitions(const std::string& topic) const {
  std::vector<TopicPartition> all;
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return all;
  for (std::uint32_t i = 0; i < found->second.size(); ++i) all.push_back({topic, i});
  return all;
}

Result<std::vector<PartitionBounds>> ModelTopicClient::partitions() {
  std::vector<PartitionBounds> all;
  for (const std::string& topic : topics_) {
    const std::vector<TopicPartition> partitions = broker_.partitions(topic);
    if (partitions.empty()) return fail(Errc::kIo, "there is no topic " + topic);
    for (const TopicPartition& partition : partitions) {
      const Result<PartitionBounds> one = bounds(partition);
      if (!one) return tl::unexpected(one.error());
      all.push_back(*one);
      given_.push_back(partition);
    }
  }
  return all;
}

Result<PartitionBounds> ModelTopicClient::bounds(const TopicPartition& partition) {
  if (!broker_.is_up) return fail(Errc::kIo, "no broker answers");
  if (std::ranges::find(leaderless, partition) != leaderless.end())
    return fail(Errc::kIo, "no broker leads " + partition_name(partition));
  const ModelPartition* const found = broker_.find(partition);
  if (found == nullptr) return fail(Errc::kIo, "there is no " + partition_name(partition));
  return PartitionBounds{partition, found->first, found->end};
}

Result<std::vector<TopicPartition>> ModelTopicClient::new_partitions() {
  std::vector<TopicPartition> added;
  if (!broker_.is_up) return added;
  for (const std::string& topic : topics_) {
    const std::vector<TopicPartition> partitions = broker_.partitions(topic);
    if (partitions.empty()) return fail(Errc::kMismatch, topic + " is no longer there");
    for (const TopicPartition& partition : partitions) {
      if (std::ranges::find(given_, partition) != given_.end()) continue;
      given_.push_back(partition);
      added.push_back(partition);
    }
  }
  return added;
}

Result<std::size_t> ModelTopicClient::begin(const TopicPartition& partition, std::uint64_t offset) {
  begun_.push_back({partition, offset});
  return begun_.size() - 1;
}

Result<MessagesAtHand> ModelTopicClient::take(std::size_t index, MessageBlock& block) {
  PartitionPlace& place = begun_.at(index);
  if (!broker_.is_up || std::ranges::find(withheld, place.partition) != withheld.end())
    return MessagesAtHand::kNothing;
  const ModelPartition* const from = broker_.find(place.partition);
  if (from == nullptr) return fail(Errc::kMismatch, "no longer there");
  if (place.next_offset < from->first || place.next_offset > from->end)
    return MessagesAtHand::kOutOfRange;
  block.clear();
  std::size_t count = 0;
  for (auto message = from->messages.lower_bound(place.next_offset);
       message != from->messages.end() && count < block_messages_; ++message, ++count) {
    if (!block.add(message->first, message->second, line_bytes_max_)) break;
  }
  if (block.empty()) {
    place.next_offset = from->end;
    return MessagesAtHand::kEnd;
  }
  place.next_offset = block.next_offset();
  block.close();
  return MessagesAtHand::kBlock;
}

void ModelTopicClient::wait(std::chrono::milliseconds /*at_most*/) {}

std::optional<std::uint64_t> ModelTopicClient::end_of(std::size_t index) const {
  const ModelPartition* const found = broker_.find(begun_.at(index).partition);
  return found == nullptr ? std::nullopt : std::optional<std::uint64_t>(found->end);
}

void ModelTopicClient::commit(std::span<const PartitionPlace> places) {
  if (!broker_.is_up) return;
  for (const PartitionPlace& place : places)
    broker_.committed[partition_name(place.partition)] = place.next_offset;
}
}  // namespace tocsin::tests

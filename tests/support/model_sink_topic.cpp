#include "tests/support/model_sink_topic.h"

#include <utility>

namespace tocsin::tests {
using runtime::TopicMessage;
using runtime::TopicPlaces;

class ModelTopicWriter final : public runtime::TopicWriter {
 public:
  ModelTopicWriter(ModelSinkTopic& topic, std::string writer, std::uint64_t epoch)
      : topic_(topic), writer_(std::move(writer)), epoch_(epoch) {}
  Result<TopicPlaces> write(std::span<const TopicMessage> messages) override {
    return topic_.write(writer_, epoch_, messages);
  }

 private:
  ModelSinkTopic& topic_;
  std::string writer_;
  std::uint64_t epoch_;
};

Result<runtime::OpenedTopic> ModelSinkTopic::open(const std::string& writer,
                                                  const runtime::TailRequest& tail) {
  if (!is_up) return fail(Errc::kIo, "no broker answers");
  ++opened;
  runtime::OpenedTopic result;
  result.writer = std::make_unique<ModelTopicWriter>(*this, writer, ++epochs_[writer]);
  for (std::uint32_t number = 0; number < partitions(); ++number) {
    const Partition& partition = partitions_[number];
    result.tail.ends[number] = partition.end;
    if (!tail.is_wanted) continue;
    const auto from = tail.from.find(number);
    const std::uint64_t wanted = from == tail.from.end() ? 0 : from->second;
    if (wanted < partition.first || wanted > partition.end) result.tail.notes.emplace_back("gap");
    for (const auto& [offset, message] : partition.messages) {
      const bool is_behind = offset >= wanted || wanted > partition.end;
      if (is_behind && (message.writer == writer || message.writer == tail.writer))
        result.tail.keys.push_back(message.message.key);
    }
  }
  return result;
}

Result<TopicPlaces> ModelSinkTopic::write(const std::string& writer, std::uint64_t epoch,
                                          std::span<const TopicMessage> messages) {
  if (epochs_[writer] != epoch) return fail(Errc::kConflict, "another one writes");
  if (!is_up || crashed) return fail(Errc::kIo, "no broker answers");
  if (messages.size() > batch_max) return fail(Errc::kLimit, "too large");
  const SinkFault what = fault ? fault() : SinkFault::kNone;
  crashed = what == SinkFault::kCrashBefore || what == SinkFault::kCrashAfter;
  if (what == SinkFault::kNotWritten || what == SinkFault::kCrashBefore) {
    if (leaves_offsets) end_transaction(messages);
    return fail(Errc::kIo, "not written");
  }
  TopicPlaces places = append(writer, messages);
  if (what == SinkFault::kWritten || what == SinkFault::kCrashAfter)
    return fail(Errc::kIo, "perhaps written");
  return places;
}

TopicPlaces ModelSinkTopic::append(const std::string& writer,
                                   std::span<const TopicMessage> messages) {
  TopicPlaces places;
  for (const TopicMessage& message : messages) {
    const std::uint32_t number = message.spread % partitions();
    Partition& partition = partitions_[number];
    partition.messages[partition.end++] = {message, writer};
    places[number] = partition.end;
  }
  for (const auto& [number, place] : places) ++partitions_[number].end;  // the transaction's mark
  return places;
}

// Nobody who reads committed messages sees them: they take offsets, and so does the mark.
void ModelSinkTopic::end_transaction(std::span<const TopicMessage> messages) {
  for (const TopicMessage& message : messages) partitions_[message.spread % partitions()].end += 2;
}

void ModelSinkTopic::retain_from(std::uint32_t number, std::uint64_t first) {
  Partition& partition = partitions_[number];
  partition.first = first;
  partition.messages.erase(partition.messages.begin(), partition.messages.lower_bound(first));
}

void ModelSinkTopic::create_again() { partitions_.assign(partitions_.size(), {}); }

std::map<std::string, int> ModelSinkTopic::keys() const {
  std::map<std::string, int> keys;
  for (const Partition& partition : partitions_) {
    for (const auto& [offset, message] : partition.messages) ++keys[message.message.key];
  }
  return keys;
}
}  // namespace tocsin::tests

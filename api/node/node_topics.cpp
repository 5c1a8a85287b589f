#include "api/node/node_topics.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/kafka/kafka_client.h"

namespace tocsin::api {
Result<void> NodeTopics::open(std::function<void()> arrived, const OpenInputs& open_inputs) {
  Result<std::unique_ptr<runtime::TopicClient>> client = options_.make_client(std::move(arrived));
  if (!client) return tl::unexpected(client.error());
  client_ = *std::move(client);
  Result<std::unique_ptr<runtime::PartitionReading>> inputs = open_inputs(*client_, options_);
  if (!inputs) return tl::unexpected(inputs.error());
  inputs_ = *std::move(inputs);
  tell_notes();
  for (const runtime::PartitionFigures& partition : inputs_->figures()) {
    options_.note(
        fmt::format("{} is read from offset {} on", partition.source, partition.next_offset));
  }
  return {};
}

Result<bool> NodeTopics::step() {
  Result<bool> taken = inputs_->step();
  tell_notes();
  return taken;
}

void NodeTopics::tell_notes() {
  for (const std::string& note : inputs_->take_notes()) options_.note(note);
}

std::vector<runtime::PartitionFigures> NodeTopics::figures() const { return inputs_->figures(); }

void NodeTopics::finish() { inputs_->finish(); }

NodeTopicOptions kafka_topics(KafkaSettings settings, std::size_t line_bytes_max,
                              runtime::StopRequested stop_requested,
                              std::function<void(const std::string&)> note) {
  NodeTopicOptions options;
  options.inputs = std::move(settings.inputs);
  options.line_bytes_max = line_bytes_max;
  options.note = note;
  runtime::KafkaReaderOptions reader = std::move(settings.reader);
  reader.line_bytes_max = line_bytes_max;
  reader.stop_requested = std::move(stop_requested);
  reader.note = std::move(note);
  options.make_client = [reader](std::function<void()> arrived) {
    runtime::KafkaReaderOptions made = reader;
    made.arrived = std::move(arrived);
    return runtime::open_kafka_reader(std::move(made));
  };
  return options;
}
}  // namespace tocsin::api

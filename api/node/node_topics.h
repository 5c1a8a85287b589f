/// Topics that a server reads: events beside what is pushed to it, and alerts of other engines.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/node/kafka_settings.h"
#include "cep/base/result.h"
#include "runtime/inputs/partition_reading.h"
#include "runtime/inputs/topic_client.h"

namespace tocsin::api {
/// Makes the client that reads them, which tells `arrived` on some thread when something may be at
/// hand. Tests make another one.
using MakeTopicClient =
    std::function<Result<std::unique_ptr<runtime::TopicClient>>(std::function<void()> arrived)>;
struct NodeTopicOptions {
  MakeTopicClient make_client;
  runtime::TopicInputOptions inputs;
  std::size_t line_bytes_max = 1 << 20;
  /// What is worth telling: a line. On the node's thread, or that of start().
  std::function<void(const std::string&)> note;
};
/// Threading: one caller at a time.
class NodeTopics {
 public:
  explicit NodeTopics(NodeTopicOptions options) : options_(std::move(options)) {}
  /// runtime::TopicInputs::open() or runtime::AlertInputs::open().
  using OpenInputs = std::function<Result<std::unique_ptr<runtime::PartitionReading>>(
      runtime::TopicClient&, const NodeTopicOptions&)>;
  /// Opens all partitions; waits for the brokers. Fails as the client and `open_inputs`.
  Result<void> open(std::function<void()> arrived, const OpenInputs& open_inputs);
  /// runtime::PartitionReading::step().
  Result<bool> step();
  std::vector<runtime::PartitionFigures> figures() const;
  /// After the node was closed.
  void finish();

 private:
  void tell_notes();

  NodeTopicOptions options_;
  std::unique_ptr<runtime::TopicClient> client_;
  std::unique_ptr<runtime::PartitionReading> inputs_;
};
/// Topics by librdkafka, as the settings say.
NodeTopicOptions kafka_topics(KafkaSettings settings, std::size_t line_bytes_max,
                              runtime::StopRequested stop_requested,
                              std::function<void(const std::string&)> note);
}  // namespace tocsin::api

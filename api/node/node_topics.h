/// The topics that a server reads beside what is pushed to it.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/node/kafka_settings.h"
#include "cep/base/result.h"
#include "runtime/event_time/time_keeper.h"
#include "runtime/inputs/topic_client.h"
#include "runtime/inputs/topic_inputs.h"
#include "runtime/io/clock.h"
#include "runtime/node/node.h"

namespace tocsin::api {
/// Makes the client that reads them, which tells `arrived` on some thread when something may be at
/// hand. Tests make another one.
using MakeTopicClient =
    std::function<Result<std::unique_ptr<runtime::TopicClient>>(std::function<void()> arrived)>;
struct NodeTopicOptions {
  MakeTopicClient make_client;
  runtime::TopicInputOptions inputs;
  /// What is worth telling: a line. On the node's thread, or that of start().
  std::function<void(const std::string&)> note;
};
/// Threading: one caller at a time.
class NodeTopics {
 public:
  explicit NodeTopics(NodeTopicOptions options) : options_(std::move(options)) {}
  /// Opens all partitions; waits for the brokers. Fails as the client and
  /// runtime::TopicInputs::open().
  Result<void> open(runtime::Node& node, runtime::Clock& clock, runtime::TimeKeeper& keeper,
                    std::function<void()> arrived);
  /// runtime::TopicInputs::step().
  Result<bool> step();
  std::vector<runtime::PartitionFigures> figures() const;
  /// After the node was closed.
  void finish();

 private:
  void tell_notes();

  NodeTopicOptions options_;
  std::unique_ptr<runtime::TopicClient> client_;
  std::unique_ptr<runtime::TopicInputs> inputs_;
};
/// Topics by librdkafka, as the settings say.
NodeTopicOptions kafka_topics(KafkaSettings settings, std::size_t line_bytes_max,
                              runtime::StopRequested stop_requested,
                              std::function<void(const std::string&)> note);
}  // namespace tocsin::api

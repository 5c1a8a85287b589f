/// A durable run over topics: everything that its partitions have, until they end or it is stopped.
#pragma once
#include <functional>

#include "cep/base/result.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/time_keeper.h"
#include "runtime/inputs/topic_client.h"
#include "runtime/inputs/topic_inputs.h"
#include "runtime/io/byte_source.h"
#include "runtime/node/node.h"

namespace tocsin::runtime {
struct TopicRunOptions {
  /// Asked between blocks and while waiting.
  StopRequested stop_requested;
  std::function<void(const Progress&)> progress;  // a few times a second
  std::function<void(const std::string&)> note;   // what is worth telling: a line
};
/// Takes blocks, journals what `keeper` decides, and looks after the node. Ends where all inputs
/// are over. Fails with kStopped where it is asked to stop; with kLimit where there is no room
/// (Node::check_room()); as the inputs and the node do.
Result<void> run_topics(Node& node, TimeKeeper& keeper, TopicClient& client, TopicInputs& inputs,
                        const TopicRunOptions& options);
}  // namespace tocsin::runtime

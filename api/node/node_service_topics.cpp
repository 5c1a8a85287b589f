// What a server reads of topics, on the node's thread.
#include <chrono>
#include <memory>
#include <utility>

#include "api/node/node_service.h"
#include "runtime/inputs/alert_inputs.h"
#include "runtime/inputs/topic_inputs.h"
#include "runtime/node/node_source.h"

namespace tocsin::api {
namespace {
template <typename Inputs>
Result<std::unique_ptr<runtime::PartitionReading>> as_reading(
    Result<std::unique_ptr<Inputs>> opened) {
  if (!opened) return tl::unexpected(opened.error());
  return std::unique_ptr<runtime::PartitionReading>(*std::move(opened));
}
}  // namespace

Result<void> NodeService::open_topics() {
  if (topics_) {
    if (auto opened = open_event_topics(); !opened) return opened;
  }
  return alert_topics_ ? open_alert_topics() : Result<void>();
}

// Where topics are read perhaps nothing is ever pushed, which must not hold back time.
Result<void> NodeService::open_event_topics() {
  const auto pushed = node_->intake().find(runtime::kPushed);
  if (pushed && node_->intake().status(*pushed).newest == cep::kEventTimeMin) {
    keeper_.ended(in_keeper_);
    const runtime::Decision idle{runtime::DecisionKind::kIdle, clock_.now(), runtime::kPushed};
    if (auto decided = node_->decide(idle); !decided) return decided;
  }
  return topics_->open([this] { topics_arrived(); },
                       [this](runtime::TopicClient& client, const NodeTopicOptions& options) {
                         return as_reading(runtime::TopicInputs::open(*node_, clock_, keeper_,
                                                                      client, options.inputs));
                       });
}

// On the client's thread.
void NodeService::topics_arrived() {
  {
    const std::lock_guard lock(mutex_);
    have_topics_arrived_ = true;
  }
  work_.notify_one();
}

Result<void> NodeService::open_alert_topics() {
  return alert_topics_->open(
      [this] { topics_arrived(); },
      [this](runtime::TopicClient& client, const NodeTopicOptions& options) {
        return as_reading(runtime::AlertInputs::open(runtime::AlertInbox(*node_), clock_, client,
                                                     options.inputs, options.line_bytes_max));
      });
}

// True: there may be more. Alerts need none of the engine's memory.
Result<bool> NodeService::read_topics(bool is_taking) {
  Result<bool> read = false;
  if (topics_ && is_taking) {
    accept_times_.begin(node_->next_sequence(), std::chrono::steady_clock::now());
    read = topics_->step();
    accept_times_.end(node_->next_sequence());
  }
  if (!read || !alert_topics_) return read;
  Result<bool> alerts = alert_topics_->step();
  if (!alerts) return alerts;
  return *read || *alerts;
}
}  // namespace tocsin::api

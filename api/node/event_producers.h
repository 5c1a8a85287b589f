/// The producers of pushed events: which source of the node a batch goes to, and whether it
/// continues what its producer sent before.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "api/node/event_answer.h"
#include "api/node/event_batch.h"
#include "cep/base/result.h"
#include "runtime/io/clock.h"
#include "runtime/node/node.h"

namespace tocsin::api {
/// What is known of a producer.
struct ProducerFigures {
  std::string name;
  std::string owner;  // the token that it belongs to; empty: nobody's yet
  std::uint64_t next_sequence = 0;
  cep::EventTime used_at;  // when its newest events were taken
};
/// Of a source that is a producer.
ProducerFigures figures_of(const runtime::NodeSource& source);

/// Threading: the node's thread.
class EventProducers {
 public:
  /// At most `most` sources; one that sends nothing for `expire_after` is forgotten.
  EventProducers(runtime::Clock& clock, std::size_t most, std::optional<cep::Duration> expire_after)
      : clock_(clock), most_(most), expire_after_(expire_after) {}
  /// The node, which must outlive this, before all else.
  void use(runtime::Node& node) { node_ = &node; }

  /// The source of a producer in the node.
  std::optional<std::size_t> find(const std::string& producer);
  /// The source in the node that a batch goes to; what the node itself says is in `result`. A batch
  /// that is refused leaves nothing behind, and takes no producer for its own.
  Served<std::size_t> source_of(const EventBatch& batch, Result<void>& result);
  /// Journals the change.
  Result<void> change(const runtime::ProducerCommand& command);
  /// Forgets those that have sent nothing for a long time.
  Result<void> expire();
  /// A minute has passed since expire().
  bool is_due() const;
  std::uint64_t expired() const { return expired_; }

 private:
  // Why the lines that were taken before may not be sent again so.
  std::optional<Refusal> look_at_repeats(const EventBatch& batch, std::size_t source) const;

  runtime::Clock& clock_;
  std::size_t most_;
  std::optional<cep::Duration> expire_after_;
  runtime::Node* node_ = nullptr;
  std::unordered_map<std::string, std::size_t> sources_;  // in the node
  cep::EventTime looked_at_;
  std::uint64_t expired_ = 0;
};
}  // namespace tocsin::api

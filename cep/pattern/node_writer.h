/// Writes what the current event adds to the state of the current rule and key: the captured event,
/// a node for each list of events that ends with it, and values of features.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/pattern/current_pattern.h"
#include "cep/pattern/draft_pruning.h"

namespace tocsin::cep {
/// Invariant: the captured event and the values of features are written once for an event, however
/// many matches take it, and each list of (event, step) has one node.
class NodeWriter {
 public:
  explicit NodeWriter(CurrentPattern& current) : current_(current) {}
  /// Nothing is written of the current event yet, or the state's words were emptied.
  void begin() { event_ = values_ = first_made_ = 0; }
  /// The node of the current event for step `step` after node `parent` (0: it is the first).
  Offset write_node(Offset parent, std::uint32_t step);
  /// Writes what the current event adds to a drafted partial match, where it takes the event.
  void write_run(RunDraft& draft);
  /// The node of `event`, which is captured and which `view` shows, after `parent`; `subset` is the
  /// place among the step's subsets of the one that it is in.
  Offset make_node(Offset parent, Offset event, std::uint32_t step, std::uint16_t subset,
                   const EventView& view);
  /// What alerts at deadlines read of features, as of the current event; 0 where that is nothing.
  Offset write_values();
  /// Writes a block that append_kept_value() filled from its second word on.
  Offset put_values(std::vector<std::uint64_t>& block);
  /// Copies what partial matches, waiting matches and the open window reach, so that the rest is
  /// freed.
  void collect_words();

 private:
  Offset write_event();

  CurrentPattern& current_;
  Offset event_ = 0;       // where the row is captured in the state; 0: not yet
  Offset values_ = 0;      // where the features at the row are; 0: not yet
  Offset first_made_ = 0;  // the node last made of the current event as a first one
};
}  // namespace tocsin::cep

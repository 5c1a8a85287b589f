/// Which of a key's partial matches an event may concern, so that the others cost nothing at it.
///
/// A partial match is concerned where it is at a transition whose step, absence, `until` or greedy
/// loop the event may be for, by the conditions that read the event alone. Where a step asks for a
/// field that equals one of an earlier event, partial matches are found by that value: only those
/// with the event's are concerned. Where the selection
/// prunes, those of one first event are looked at together. All others stay as they are. So an
/// event costs what it begins, what is over by it and what it concerns, however many partial
/// matches the key has.
///
/// Where that does not pay (few partial matches, or many that are concerned) all are drafted, as
/// for a key without an order (PatternState::order). What becomes of them is the same.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/pattern/current_pattern.h"
#include "cep/pattern/draft_pruning.h"
#include "cep/pattern/node_writer.h"
#include "cep/pattern/step_conditions.h"

namespace tocsin::cep {
class ConcernedRuns {
 public:
  ConcernedRuns(CurrentPattern& current, StepConditions& conditions, NodeWriter& nodes,
                RunDrafts& drafts)
      : current_(current), conditions_(conditions), nodes_(nodes), drafts_(drafts) {}
  /// Whether the current key's partial matches have an order, which is made where it may pay. Then
  /// those that time has ended are dropped, and what is left can be asked for.
  bool order();
  /// How many order() has dropped.
  std::size_t ended() const { return ended_; }
  /// Finds those that the current event may concern; false where they are too many. Then there is
  /// no order any more.
  bool find();
  /// Their places in the order, the oldest first.
  const std::vector<std::uint32_t>& places() const { return places_; }
  /// Writes what is drafted of those at places().
  void write();
  /// Drafts all others too, as they are, in the order of all; there is no order any more.
  void draft_all();
  /// There is no order any more, and none is made at the next events.
  void give_up();
  /// At a deadline: the places of those that wait for it, the oldest first. Requires an order.
  const std::vector<std::uint32_t>& due(const EventPosition& at);

 private:
  void end_by_time();
  bool may_concern(std::uint32_t transition);
  bool add_concerned(std::uint32_t transition, std::size_t most);
  std::optional<std::uint64_t> key_of(const PatternRun& run);
  void add_groups();
  void sort_places();

  CurrentPattern& current_;
  StepConditions& conditions_;
  NodeWriter& nodes_;
  RunDrafts& drafts_;
  std::size_t ended_ = 0;
  std::vector<std::uint32_t> places_;
  std::vector<std::uint32_t> groups_;
  std::vector<RunDraft> all_;
};
}  // namespace tocsin::cep

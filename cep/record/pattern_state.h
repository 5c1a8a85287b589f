/// What the general matcher remembers of one rule and key, or any matcher of a busy key: partial
/// matches that share their past, complete ones that wait for their turn, and suppression. Found
/// through a 32-bit handle in the key's record; offsets are words in `words`, so that nothing in it
/// is an address.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "cep/queue/classed_list.h"
#include "cep/record/held_places.h"
#include "cep/record/key_record.h"
#include "cep/record/members_state.h"
#include "cep/record/paths_state.h"
#include "cep/record/places_state.h"
#include "cep/record/suppression.h"
#include "cep/record/taken_log.h"

namespace tocsin::cep {
/// The first and the last node of a variable, up to the node that holds this; 0: none.
struct SlotEvents {
  Offset first = 0;
  Offset last = 0;
};
/// One event of a partial match. One node stands for one list of events taken, each for its step:
/// equal lists have the same node. The slots follow.
struct PatternNode {
  Node node;
  Offset first = 0;  // the match's first node
  /// While an event is processed: the node last made of it after this one, or, of such a node, the
  /// one made before it after the same. What it says of earlier events is void.
  Offset made = 0;

  /// Suppression has noted all events of `once per VARIABLE` up to this one. Known of nodes in
  /// memory only; the bit has another meaning in other matchers' nodes.
  bool is_noted() const { return (node.subset_and_values & Node::kHasValues) != 0; }
  void set_noted() { node.subset_and_values |= Node::kHasValues; }

  SlotEvents* slots() { return reinterpret_cast<SlotEvents*>(this + 1); }
  const SlotEvents* slots() const { return reinterpret_cast<const SlotEvents*>(this + 1); }
};
inline constexpr std::uint32_t kPatternNodeWords = sizeof(PatternNode) / 8;

/// A partial match on one of its transitions. Its counters stand beside it in
/// PatternState::counters.
struct PatternRun {
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::int64_t first_time_us = 0;
  std::int64_t ends_us = kNever;  // to a step: its gap's end; at a deadline: that
  std::uint64_t start = 0;        // ascends with the first event
  Offset node = 0;
  Offset values = 0;  // of features at the last event, where the match is done
  std::uint32_t transition = 0;
  std::uint32_t greedy_over = 0;  // bit i: the transition's i-th greedy loop cannot go on
  bool fresh = false;  // no considered event since the last one taken; where that is asked
};
/// A complete match.
struct CompleteMatch {
  std::uint64_t start = 0;
  Offset node = 0;
  Offset values = 0;
};

/// A closing window that is open.
struct OpenWindow {
  bool open = false;
  bool is_set = false;  // an event of the window's own kinds has come
  std::uint32_t setter_roles = 0;
  std::int64_t begin_us = 0;
  std::int64_t end_us = 0;    // of a session: as it stands now
  std::int64_t timer_us = 0;  // the pending timer's deadline
  ArrivalNumber setter;       // the event that set its end
  Offset node = 0;            // the last event collected
  Offset values = 0;          // of features at it
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;  // as budgets count, with a place for each; 0: not counted
};
class PatternState {
 public:
  std::vector<std::uint64_t> words = {0};  // nodes, captured events, values of features
  /// Ascending by start, with the counters of each; where there are many, by their places in
  /// `order`, which has one class for each transition, and among them free ones.
  std::vector<PatternRun> runs;
  std::vector<std::uint32_t> counters;
  std::unique_ptr<ClassedList> order;
  std::uint32_t order_events = 0;      // that used the order, or go without one
  std::vector<CompleteMatch> waiting;  // `in order`: complete, in their order
  std::uint64_t next_start = 0;
  std::uint64_t lost_runs = 0;  // to a budget, since the last alert
  /// From then on, and once no partial match is left, those are forgotten.
  std::int64_t lost_until_us = 0;
  OpenWindow window;
  SuppressionState suppression;
  TakenLog taken_log;          // of suppression.taken, where nodes keep what was searched
  std::size_t words_kept = 0;  // when they were last collected
  std::size_t taken_kept = 0;  // of suppression.taken, likewise
  std::int64_t release_us = PatternRun::kNever;  // the timer that was last set for `waiting`
  ArrivalNumber release_arrival;
  std::size_t bytes_counted = 0;
  // What the budget counted last, and the words that there were then; 0: not since they were laid
  // out. More than that and what came since there is not.
  std::size_t budget_words = 0;
  std::uint64_t budget_events = 0;
  std::uint64_t budget_bytes = 0;
  /// What it counts, where it is near a budget. With an order it holds each partial match as that
  /// comes and goes, and has no list of them.
  std::unique_ptr<HeldMatches> held;
  /// Of a busy key that is matched by places (cep/places/places.h). Of the simple methods nothing
  /// else is used; of the general matcher it has no runs then.
  std::unique_ptr<PlacesState> places;
  /// Of a busy key of the general matcher (cep/places/members.h); then there are no partial
  /// matches, and `words` is used while an alert is made.
  std::unique_ptr<MembersState> members;
  /// Of a busy key of the general matcher (cep/places/paths.h); then it has no runs.
  std::unique_ptr<PathsState> paths;

  std::size_t run_count() const { return order != nullptr ? order->size() : runs.size(); }
  /// Calls `visit` with each partial match in their order.
  template <typename Visit>
  void for_each_run(Visit&& visit);
  /// Makes the order of partial matches; of a transition, those that wait for a deadline ascend by
  /// it. `key_of` gives those their key whose class has parts.
  void make_order(std::size_t transitions,
                  const std::function<std::optional<std::uint64_t>(const PatternRun&)>& key_of);
  /// Adds a partial match before that at place `next` of the order, or at its end; with a key where
  /// its class has parts.
  void add_run(std::uint32_t next, const PatternRun& run, std::optional<std::uint64_t> key,
               const std::uint32_t* counts, std::uint32_t count);
  /// `runs` and `counters` have all partial matches one after the other again, without an order.
  void settle();
  /// Where the partial matches in `runs` end; requires that there is no order.
  std::vector<HeldEnd> run_ends() const;
  /// Drops the partial matches, where something else remembers what they do, with their memory.
  void drop_runs();

  std::byte* base() { return reinterpret_cast<std::byte*>(words.data()); }
  /// Cuts an object of zeros.
  Offset cut(std::size_t count);
  std::size_t bytes() const;
};

template <typename Visit>
void PatternState::for_each_run(Visit&& visit) {
  if (order == nullptr) {
    for (PatternRun& run : runs) visit(run);
    return;
  }
  for (std::uint32_t at = order->front(); at != ClassedList::kNone; at = order->next(at)) {
    visit(runs[at]);
  }
}

/// Whether a key has so many more partial matches by an event that they should become places: more
/// than `most` for the first time, or many more. Where they cannot become places they are so not
/// tried at each event.
inline bool has_many_more_runs(std::size_t before, std::size_t after, std::uint32_t most) {
  constexpr std::size_t kRunsOfStage = 64;
  const auto stage = [&](std::size_t runs) { return runs <= most ? 0 : 1 + runs / kRunsOfStage; };
  return stage(after) > stage(before);
}

/// A block of values of features starts with its words; then each has a StoredValue, the bytes of
/// its text, and the text. Appends one.
void append_kept_value(std::vector<std::uint64_t>& block, const Value& value);
/// The value at `at`, its text borrowed; `at` goes on to the next.
Value next_kept_value(const std::uint64_t*& at);

/// The states of one shard.
class PatternPool {
 public:
  /// A new state's handle, never 0.
  std::uint32_t make();
  PatternState& at(std::uint32_t handle) { return *states_[handle - 1]; }
  void free(std::uint32_t handle);
  /// Counts the state's bytes afresh.
  void count(PatternState& state);
  std::size_t bytes() const { return bytes_ + states_.capacity() * sizeof(states_[0]); }

 private:
  std::vector<std::unique_ptr<PatternState>> states_;
  std::vector<std::uint32_t> free_;
  std::size_t bytes_ = 0;
};
}  // namespace tocsin::cep

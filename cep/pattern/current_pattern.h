/// What the general matcher processes: the current rule, the state of the current key, and an event
/// or a deadline. Its parts share one of these.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "cep/alert/match_context.h"
#include "cep/compile/pattern_program.h"
#include "cep/data/alert.h"
#include "cep/eval/eval.h"
#include "cep/eval/steps.h"
#include "cep/plan/calendar.h"
#include "cep/record/engine_stats.h"
#include "cep/record/event_capture.h"
#include "cep/record/key_record.h"
#include "cep/record/pattern_state.h"
#include "cep/record/timers.h"

namespace tocsin::cep {
struct CurrentRow;

/// Where in the total order an event stands.
struct EventPosition {
  std::int64_t time_us = 0;
  ArrivalNumber arrival;
  friend auto operator<=>(const EventPosition&, const EventPosition&) = default;
};
/// A list of events: those of the nodes up to `node`, and the current event for `step` if `takes`.
struct TakenEvents {
  Offset node = 0;
  bool takes = false;
  std::uint32_t step = 0;
};

struct CurrentPattern {
  /// Until when state matters: it is over; it has no end in time.
  static constexpr std::int64_t kDead = INT64_MIN;
  static constexpr std::int64_t kNeverDies = INT64_MAX;

  CurrentPattern(const ProgramImpl& all, const TableProgram& table, RecordStore& records,
                 EventCapture& events, EngineStats& counts);
  CurrentPattern(const CurrentPattern&) = delete;
  CurrentPattern& operator=(const CurrentPattern&) = delete;

  /// Selects a rule and a key, given by its bytes; `held` is its state, null where it has none.
  void select_rule(const RuleProgram& selected, PatternState* held, std::string_view key);
  /// Gives the key a state where it has none. Requires a current row.
  void make_state();
  /// Captures the current row with the features that are kept with it; gives the words that it
  /// takes.
  std::uint32_t capture_row();
  /// Sets a deadline of the key, caused by the event with this arrival number.
  void push_timer(std::int64_t deadline_us, const ArrivalNumber& arrival);

  /// The node at an offset of the state.
  const PatternNode* node(Offset offset) const {
    return RecordStore::at<PatternNode>(scope.record, offset);
  }
  /// The captured event of a node.
  const KeptEvent* event_of(Offset offset) const {
    return RecordStore::at<KeptEvent>(scope.record, node(offset)->node.event);
  }
  /// The position of a captured event.
  static EventPosition position_of(const KeptEvent& event) {
    return {event.engine_time_us, event.arrival()};
  }
  /// The scope in which the current event counts as that of `taken_step` (-1: of none), after the
  /// events up to `head`.
  const EvalScope& scope_at(Offset head, int taken_step) {
    scope.head = head;
    scope.taken_step = taken_step;
    return scope;
  }
  /// `places` are those of the state from now on, as it stands.
  void look_at_words(HeldPlaces& places) const;
  /// What the matches of the key hold, where that is followed from event to event; else null.
  HeldPlaces* held_places() const;
  /// Below 0 when the first of two lists of events comes first. `longer_first`: the longer one
  /// does; else the lists are compared, and the longer one comes first where it begins like the
  /// other. Takes steps; what it gives is void where they do not suffice.
  int compare(TakenEvents a, TakenEvents b, bool longer_first);

  /// Whether a match that is given may drop others.
  bool is_stepwise() const;
  /// Whether other values than the rule's key decide what is suppressed.
  bool is_deferred() const;
  /// The place of the current event in the order of alerts, for this rule and key.
  OrderKey order_here() const;

  /// Whether a partial match is complete and waits for its deadline.
  bool is_due(const PatternRun& run) const {
    const PatternTransition& transition = pattern->transitions[run.transition];
    return transition.target == PatternTransition::kEnd && transition.ending == Ending::kAtDeadline;
  }
  /// When a partial match ends if nothing happens; PatternRun::kNever.
  std::int64_t dies_at(const PatternRun& run) const;
  /// Until when a partial match may give an alert; PatternRun::kNever.
  std::int64_t lives_until(const PatternRun& run) const {
    return is_due(run) ? run.ends_us : dies_at(run);
  }
  /// The event that set the time at which a partial match ends.
  const KeptEvent& end_setter(const PatternRun& run) const;
  /// Where in the total order a partial match ends.
  EventPosition end_of(const PatternRun& run) const {
    return {lives_until(run), end_setter(run).arrival()};
  }
  /// Ends the partial matches of the key that `keeps` (of a PatternRun) does not keep.
  template <typename Keeps>
  void keep_runs(Keeps&& keeps);
  /// Ends that at a place of the order of partial matches.
  void end_run(std::uint32_t place);
  /// Which closing window has the time; the rule's is not a session.
  CalendarWindow window_at(EventTime time) const;

  const ProgramImpl& program;
  RecordStore& store;
  EventCapture& capture;
  EngineStats& stats;
  EvalScope scope;  // of the current rule, key and event
  StepMeter steps;  // of the current event or deadline, rule and key

  const MatchContext* context = nullptr;
  ShardTimers* timers = nullptr;  // the context's, or those of restored state
  const RuleProgram* rule = nullptr;
  const PatternProgram* pattern = nullptr;
  PatternState* state = nullptr;  // null: the key has none yet
  CurrentRow* row = nullptr;      // null at a deadline
  std::uint64_t hash = 0;         // of the key
  std::uint32_t queue = 0;        // of the rule's deadlines
};

template <typename Keeps>
void CurrentPattern::keep_runs(Keeps&& keeps) {
  if (ClassedList* const order = state->order.get()) {
    std::uint32_t next = order->front();
    while (next != ClassedList::kNone) {
      const std::uint32_t at = std::exchange(next, order->next(next));
      if (!keeps(state->runs[at])) end_run(at);
    }
    return;
  }
  const std::uint32_t count = pattern->counter_count;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < state->runs.size(); ++i) {
    if (!keeps(state->runs[i])) continue;
    if (kept != i) {
      state->runs[kept] = state->runs[i];
      std::copy_n(state->counters.begin() + static_cast<std::ptrdiff_t>(i * count), count,
                  state->counters.begin() + static_cast<std::ptrdiff_t>(kept * count));
    }
    ++kept;
  }
  stats.runs -= state->runs.size() - kept;
  state->runs.resize(kept);
  state->counters.resize(kept * count);
}
}  // namespace tocsin::cep

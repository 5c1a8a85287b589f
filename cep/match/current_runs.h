/// What matching by runs processes: the current rule, its state of the current key, and an event or
/// a deadline. The parts of the matcher share one of these.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "cep/alert/current_row.h"
#include "cep/alert/match_context.h"
#include "cep/eval/eval.h"
#include "cep/eval/steps.h"
#include "cep/pattern/current_pattern.h"
#include "cep/record/engine_stats.h"
#include "cep/record/event_capture.h"
#include "cep/record/key_record.h"

namespace tocsin::cep {
/// A match that the current event completes.
struct CompletedRun {
  Offset parent = 0;  // its last event before, 0 for none
  std::uint32_t start = 0;
};
/// What becomes of a key's partial matches at the current event, before anything is written.
struct DraftedRuns {
  std::vector<Draft> runs;  // ascending by first event
  std::vector<CompletedRun> completed;
};

struct CurrentRuns {
  /// Until when state matters: it is over; it has no end in time.
  static constexpr std::int64_t kDead = CurrentPattern::kDead;
  static constexpr std::int64_t kNeverDies = CurrentPattern::kNeverDies;

  CurrentRuns(const ProgramImpl& all, const TableProgram& table, RecordStore& records,
              EventCapture& events, EngineStats& counts)
      : program(all), store(records), capture(events), stats(counts), scope{all} {
    scope.table = &table;
    scope.values_missing = &counts.values_missing;
    scope.steps = &steps;
  }
  CurrentRuns(const CurrentRuns&) = delete;
  CurrentRuns& operator=(const CurrentRuns&) = delete;

  /// An event of a key is offered.
  void begin_event(const MatchContext& of_slice, CurrentRow& current) {
    context = &of_slice;
    row = &current;
    steps.begin(program.limits.steps_per_event_max);
    gave_up = false;
    scope.batch = &of_slice.slice.batch();
    scope.key = current.key;
    scope.features = current.reader;
    scope.roles = current.roles;
  }
  /// A deadline of the key with these bytes is reached.
  void begin_deadline(const MatchContext& of_slice, std::string_view key) {
    context = &of_slice;
    row = nullptr;
    steps.begin(program.limits.steps_per_event_max);
    gave_up = false;
    scope.batch = &of_slice.slice.batch();
    scope.key = key;
    scope.features = nullptr;
  }
  /// Selects a rule and the key's record; null where it has none.
  void select_rule(const RuleProgram& selected, std::byte* of_key) {
    rule = &selected;
    scope.rule = &selected;
    set_record(of_key);
  }
  /// The key's record has moved, or was made.
  void set_record(std::byte* of_key) {
    record = of_key;
    scope.record = of_key;
  }
  /// Reads the rule's state of the key; `entry` is null where it has none yet.
  void read_state(const OperatorEntry* entry) {
    header_words = rule_header_words(*rule);
    state = {};
    once = {};
    if (entry == nullptr) return;
    const auto* header = RecordStore::at<RuleHeader>(record, entry->state);
    state = *header;
    if (rule->once) once = *reinterpret_cast<const OnceState*>(header + 1);
  }
  /// Writes it where it is in the record.
  void write_state(Offset place) const {
    auto* header = RecordStore::at<RuleHeader>(record, place);
    *header = state;
    if (rule->once) *reinterpret_cast<OnceState*>(header + 1) = once;
  }
  /// Takes away the oldest of the runs behind the rule's state, so many, and writes the state.
  void drop_oldest(OperatorEntry& entry, std::uint32_t runs);
  /// The runs behind the rule's state at a place of the record.
  Run* runs_at(Offset place) const { return RecordStore::at<Run>(record, place + header_words); }
  /// All of them.
  std::span<const Run> all_runs(const OperatorEntry& entry) const {
    return {runs_at(entry.state), state.run_count};
  }

  /// The scope in which the current event counts as that of `taken_step` (-1: of none), after the
  /// events up to `head`.
  const EvalScope& scope_at(Offset head, int taken_step) {
    scope.head = head;
    scope.taken_step = taken_step;
    return scope;
  }
  /// The current event as conditions see it.
  EventView view() const { return {row->row, nullptr}; }
  /// Its time.
  std::int64_t now_us() const { return row->row->engine_time.us; }
  /// Its place in the order of alerts, for this rule and key.
  OrderKey order_here() const;
  /// The first and the last event of the partial match or match whose last node this is.
  static Offset first_node(const std::byte* record, Offset node);
  static const KeptEvent* first_event(const std::byte* record, Offset node) {
    return last_event(record, first_node(record, node));
  }
  static const KeptEvent* last_event(const std::byte* record, Offset node) {
    return RecordStore::at<KeptEvent>(record, RecordStore::at<Node>(record, node)->event);
  }
  /// The event that sets the deadline of a run of the current rule whose last node this is.
  const KeptEvent& end_setter(Offset node) const {
    return *(rule->waits_from_first ? first_event(record, node) : last_event(record, node));
  }
  /// Below 0 when the first of two lists of events comes first, which have the same first event: by
  /// most events, least positions, least steps. Takes steps; what it gives is void where they do
  /// not suffice.
  int compare(TakenEvents a, TakenEvents b);

  /// Until when a partial match of the record may give an alert.
  static std::int64_t end_of(const RuleProgram& rule, const std::byte* record, const Run& run);
  /// Until when it may go on to the next step.
  static std::int64_t gap_end(const RuleProgram& rule, const std::byte* record, const Run& run) {
    const std::uint32_t next = run.step() + 1;
    if (next >= rule.steps.size() || !rule.steps[next].gap) return kNeverDies;
    return last_event(record, run.node)->engine_time_us + rule.steps[next].gap->us;
  }

  /// Whether partial matches cease to wait in the order of their first events, by a gap alone: the
  /// rule is two steps that take one event each.
  static bool gap_counts_from_first(const RuleProgram& rule) {
    return rule.steps.size() == 2 && rule.steps[0].max == 1 && rule.steps[1].max == 1 &&
           rule.steps[1].gap && !rule.ends_absent;
  }
  /// By the current event partial matches are over whose first event has this time or an earlier
  /// one, but for those that wait for a deadline.
  std::int64_t over_by_us() const {
    std::int64_t life_us = rule->within ? rule->within->us : kNeverDies;
    if (gap_counts_from_first(*rule)) life_us = std::min(life_us, rule->steps[1].gap->us);
    return life_us == kNeverDies ? kDead : now_us() - life_us;
  }

  const ProgramImpl& program;
  RecordStore& store;
  EventCapture& capture;
  EngineStats& stats;
  EvalScope scope;  // of the current rule, key and event
  StepMeter steps;  // of the current event or deadline, rule and key

  const MatchContext* context = nullptr;
  const RuleProgram* rule = nullptr;
  CurrentRow* row = nullptr;       // null at a deadline
  std::byte* record = nullptr;     // the key's; null: none yet
  bool is_considered = false;      // the event, by a rule that is strict
  bool gave_up = false;            // a match of the event or deadline, for want of steps
  RuleHeader state;                // of the rule and key
  OnceState once;                  // that too, where the rule has `once`
  std::uint32_t header_words = 0;  // of the state
};
}  // namespace tocsin::cep

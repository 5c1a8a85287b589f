/// Matching by runs that share their past (Method::kRuns; docs/internals/matching.md): one rule,
/// one key, one event at a time.
///
/// A **run** stands at the step whose event it took last, and may at once wait for the next step
/// and collect more for its step's loop: an event that neither takes leaves it as it is, so that
/// "every count is a place to stop" makes a new run only when the loop goes on. Runs are kept
/// ascending by their first event. An event is offered to each run and to a fresh start; what they
/// become is drafted first, then pruned, cut to the budget, and only what survives is written:
/// captured event and nodes are made for it alone.
///
/// **Pruning**: under the default selection and `skip past last` an event gives at most one alert,
/// that of the first match in order. A run can never give it while another of the same first event,
/// which comes before it in that order, stands where it stands, can do all that it can, and differs
/// from it in no event that anything later reads (StepProgram::live_step). Such a run is dropped.
/// Without `within` and with nothing read, the same holds between different first events: the older
/// comes first and never expires (but for `skip past last` at deadlines, which may drop the older
/// one alone).
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "cep/alert/current_row.h"
#include "cep/alert/match_context.h"
#include "cep/data/alert.h"
#include "cep/eval/eval.h"
#include "cep/eval/steps.h"
#include "cep/pattern/pattern_matcher.h"
#include "cep/places/places_match.h"
#include "cep/record/budget.h"
#include "cep/record/engine_stats.h"
#include "cep/record/key_record.h"
#include "cep/record/timers.h"

namespace tocsin::cep {
/// What a pair of a strict group reads at the current event.
struct StrictWords {
  enum State : std::uint8_t { kNumber, kText, kUnknown };
  std::int64_t left = 0;
  std::int64_t right = 0;
  std::uint64_t event = 0;  // that it was read for, by number; 0: none
  State state = kUnknown;
};
class Matcher {
 public:
  Matcher(const ProgramImpl& program, const TableProgram& table, RecordStore& store,
          EventCapture& capture, EngineStats& stats, GroupBudgets& groups, BudgetLog& budgets)
      : program_(program),
        store_(store),
        capture_(capture),
        stats_(stats),
        groups_(groups),
        budgets_(budgets),
        scope_{program},
        general_(program, table, store, capture, stats, groups, budgets) {
    scope_.table = &table;
    scope_.values_missing = &stats.values_missing;
    scope_.steps = &steps_;
  }

  /// The shard whose keys are meant from now on.
  void work_on(BudgetTallies& tallies) { tallies_ = &tallies; }
  /// The matcher of the rules that no simple method does.
  PatternMatcher& general() { return general_; }
  const PatternMatcher& general() const { return general_; }
  /// Offers the row to the rule's runs of its key; its deadlines go to queue `queue`.
  void on_event(const RuleProgram& rule, const MatchContext& context, CurrentRow& current,
                std::uint32_t queue);
  /// Gives the matches of the key for which this deadline was set, if they still wait for it.
  void on_deadline(const RuleProgram& rule, const MatchContext& context, KeySlot& slot,
                   std::string_view key, const Timer& timer);
  /// Until when the rule's state of a key matters: kDead when it is over by `now_us`, kNeverDies.
  /// Drops expired runs.
  std::int64_t expiry(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                      Offset state, std::int64_t now_us);
  /// Gives back what a rule has of a key outside its record.
  void release(const RuleProgram& rule, PatternPool& patterns, const std::byte* record,
               Offset state);
  /// Offers the row to a group of strict rules (cep/match/strict_matcher.cpp), and when its state
  /// dies.
  void on_strict_event(const StrictGroup& group, const MatchContext& context, CurrentRow& current);
  std::int64_t strict_expiry(const StrictGroup& group, std::byte* record, Offset place,
                             std::int64_t now_us);
  static constexpr std::int64_t kDead = INT64_MIN;
  static constexpr std::int64_t kNeverDies = INT64_MAX;
  /// Appends the rule's partial matches of a key that live on at `now_us`, the oldest first; what
  /// the key holds beside them, in bytes as budgets count. Not of strict rules, which are bounded
  /// by themselves.
  std::uint64_t live_runs(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                          Offset state, std::int64_t now_us, std::vector<LiveRun>& runs);
  /// The events that the partial matches last appended hold.
  std::uint64_t events_of_live_runs(const RuleProgram& rule) const;
  /// Until when a partial match of the record may give an alert.
  std::int64_t end_of(const RuleProgram& rule, const std::byte* record, const Run& run) const;
  /// Until when it may go on to the next step.
  static std::int64_t gap_end(const RuleProgram& rule, const std::byte* record, const Run& run);
  /// EngineStats::budget_work of the table.
  std::uint64_t budget_work() const { return meter_.work() + general_.budget_work(); }
  /// Drops so many of those, the oldest.
  void drop_live_runs(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                      Offset state, std::int64_t now_us, std::size_t count);

 private:
  // A match that the current event completes: `parent` is its last event before, 0 for none.
  struct Candidate {
    Offset parent = 0;
    std::uint32_t start = 0;
  };
  using StrictMasks = std::array<std::uint32_t, kStrictStepsMax>;  // by step: rules of the group
  struct Chain {
    Offset node = 0;
    bool takes = false;  // the current event follows, for step `step`
    std::uint32_t step = 0;
  };

  // ---- one event
  void offer_all(const OperatorEntry* entry, bool may_start);
  std::uint64_t offer_newest_first(const OperatorEntry* entry, bool may_start);
  void offer_start();
  void forget_lost_runs();
  // ---- events that concern no partial match (cep/match/matcher_passed_by.cpp)
  bool passes_by(const OperatorEntry& entry, bool may_start);
  bool concerns_runs();
  std::uint32_t drop_expired(Run* runs);
  bool may_run_out() const;
  void offer(const Run& run, std::uint32_t place);
  void take(const Run& parent, std::uint32_t step, std::uint32_t count, bool killed);
  bool fits(const ElementProgram& element, Offset head, int taken_step, bool is_first);
  bool fits_row(const ElementProgram& element, Offset head, int taken_step);
  bool holds(const Conjunct& conjunct, Offset head, int taken_step);
  const EvalScope& scope_at(Offset head, int taken_step) {
    scope_.head = head;
    scope_.taken_step = taken_step;
    return scope_;
  }
  void select_rule(const RuleProgram& rule, std::byte* record) {
    rule_ = &rule;
    record_ = record;
    scope_.rule = &rule;
    scope_.record = record;
  }
  void begin_event(const MatchContext& context, CurrentRow& current);
  // ---- busy keys (cep/match/matcher_busy.cpp)
  class PlacesRow;
  bool on_busy_event(OperatorEntry& entry);
  bool give_busy_match(PlacesState& state, const PlacesMatch& match, const PlacesPart& part);
  void keep_busy_to_budget(PlacesState& state);
  bool becomes_busy(std::uint32_t runs_before) const;
  void make_busy();
  std::int64_t busy_expiry(const RuleProgram& rule, PatternPool& patterns, RuleHeader& header,
                           std::int64_t now_us);
  bool passes(const CountTest& test) const;
  void give_single_event();
  // ---- strict rules (cep/match/strict_matcher.cpp)
  bool find_strict_takes(const StrictGroup& group, const std::uint32_t* alive,
                         std::uint32_t reached, StrictMasks& takes) const;
  std::uint32_t advance_strict(const StrictGroup& group, const Offset* events,
                               std::uint32_t reached, StrictMasks& masks);
  void ask_strict(const StrictGroup& group, const StrictMasks& unsure, std::uint32_t reached,
                  StrictMasks& fitting, const Offset* events);
  bool give_strict(const RuleProgram& rule, const Offset* events);
  void set_window(std::uint32_t step, const Offset* events);
  void keep_strict_event(const StrictGroup& group, Offset state, const StrictMasks& alive);
  void prune();
  bool dominates(const Draft& a, const Draft& b);
  void prune_group(std::size_t begin, std::size_t end);
  void prune_among(std::span<const std::uint32_t> drafts);
  void keep_to_budget();
  void find_shares(std::uint64_t words);
  void keep_tally(BudgetTally& tally);
  RunMark mark_of(const Run& run) const;
  void lose_drafts(std::size_t count, BudgetCause cause);
  void note_lost(std::uint64_t count, BudgetCause cause);
  void note_lost(std::uint64_t count, BudgetCause cause, const OrderKey& order);
  // ---- steps that run out (cep/match/matcher_steps.cpp)
  void give_up(std::size_t matches, const OrderKey& order);
  bool may_raise(const OrderKey& order);
  std::uint32_t drop_older_half(const RuleProgram& rule, Run* runs, std::uint32_t count,
                                const OrderKey& order);
  void drop_older_starts(PlacesState& state);
  void commit(const OperatorEntry* entry, std::uint32_t kept = 0);
  std::uint32_t node_words(const Draft& draft) const;
  Offset write_node(const Draft& draft);
  const KeptEvent* first_event(Offset node) const;
  const KeptEvent* last_event(Offset node) const;
  void set_deadlines();
  // ---- matches
  int compare(const std::byte* record, Chain a, Chain b);
  template <typename ScopeOf, typename LastOf>
  std::ptrdiff_t select(std::size_t count, OrderKey order, ScopeOf&& scope_of, LastOf&& last_of);
  bool select_at_event();
  std::uint32_t drop_begun_by(const KeptEvent& event, Run* runs, std::uint32_t count) const;
  void hold_back();
  void mark_alerted();
  void read_state(const OperatorEntry* entry);
  void write_state(Offset state);
  bool is_suppressed(std::int64_t time_us) const;
  void raise(const EvalScope& scope, const EventView& last, const OrderKey& order);

  const ProgramImpl& program_;
  RecordStore& store_;
  EventCapture& capture_;
  EngineStats& stats_;
  GroupBudgets& groups_;
  BudgetLog& budgets_;
  BudgetMeter meter_;
  BudgetTallies* tallies_ = nullptr;
  BudgetTally* tally_ = nullptr;  // of the rule and key in hand, where it is near a budget
  // Of the drafts: what they take before they take the current event, and where they come from.
  std::vector<BudgetShare> shares_;
  std::vector<std::uint32_t> from_;
  std::vector<RunMark> marks_;
  EvalScope scope_;  // of the rule, key and event in hand
  PatternMatcher general_;

  // Of the current call: the rule, and the event or deadline.
  const MatchContext* context_ = nullptr;
  const RuleProgram* rule_ = nullptr;
  CurrentRow* current_ = nullptr;  // null at a deadline
  std::uint32_t queue_ = 0;
  std::byte* record_ = nullptr;
  bool is_considered_ = false;
  RuleHeader state_;
  OnceState once_;
  std::uint32_t header_words_ = 0;  // of the rule's state
  std::vector<Draft> drafts_;
  std::vector<std::uint64_t> busy_words_;  // nodes and events of a busy key's match
  std::uint64_t busy_events_ = 0;          // of the key that live_runs() was last asked about
  std::vector<Candidate> candidates_;
  std::vector<std::int8_t> row_answers_;  // of by_row conjuncts: 0 not asked yet, 1 true, -1 not
  std::vector<std::uint32_t> group_order_;
  std::vector<std::uint32_t> fresh_;
  std::vector<std::uint8_t> dominated_;
  std::vector<Run> due_;
  std::array<Offset, kStrictStepsMax> window_{};            // a strict rule's events by step
  std::array<const KeptEvent*, kStrictStepsMax> latest_{};  // the current event, captured, and the
                                                            // key's events before it
  std::vector<StrictWords> strict_words_;                   // by pair of a strict group
  std::uint64_t strict_events_ = 0;                         // that strict groups have tested, ever
  std::uint32_t current_from_ = 0;  // Draft::from of what the current run becomes
  bool changed_ = false;
  bool any_live_ = false;  // of the partial matches before the current event
  StepMeter steps_;        // of the current event or deadline, rule and key
  bool gave_up_ = false;   // a match, for want of steps
};
}  // namespace tocsin::cep

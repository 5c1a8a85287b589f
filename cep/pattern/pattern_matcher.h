/// Matching of any pattern, selection and suppression (Method::kGeneral): one rule, one key, one
/// event at a time.
///
/// A partial match is at one **transition** of the automaton (cep/compile/pattern_program.h) and is
/// offered each considered event of its key. It ends, stays, or takes the event: then each
/// transition that its counters allow makes a partial match of its own. A transition to the end
/// makes a complete one, or one that waits for its deadline or the next event.
///
/// An event is worked on in this order, each step by a class of its own:
/// - ConcernedRuns says which of many partial matches the event may concern, StepConditions which
/// steps it fits; what becomes of the partial matches is drafted;
/// - DraftPruning drops drafts that others stand in for, and DraftBudget those beyond the budget;
/// - what survives is written: NodeWriter writes events and nodes;
/// - MatchSelection selects among complete matches, and PatternAlerts makes alerts of them.
///
/// Closing windows (ClosingWindows) are partial matches of one step. A key with many partial
/// matches becomes a busy one, where the rule allows it: MembersMatcher, PathsMatcher or
/// SequenceMatcher matches it.
/// Invariants: partial matches are in the order of their first events; one node is one list of
/// (event, step) taken, so that equal matches are found by their nodes, and two that reached the
/// same node on the same transition with equal counters are one.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "cep/alert/match_context.h"
#include "cep/compile/pattern_program.h"
#include "cep/data/alert.h"
#include "cep/pattern/closing_windows.h"
#include "cep/pattern/complete_matches.h"
#include "cep/pattern/concerned_runs.h"
#include "cep/pattern/current_pattern.h"
#include "cep/pattern/deferred_alerts.h"
#include "cep/pattern/draft_budget.h"
#include "cep/pattern/draft_pruning.h"
#include "cep/pattern/key_suppression.h"
#include "cep/pattern/lost_runs.h"
#include "cep/pattern/match_selection.h"
#include "cep/pattern/members_matcher.h"
#include "cep/pattern/node_writer.h"
#include "cep/pattern/paths_matcher.h"
#include "cep/pattern/pattern_alerts.h"
#include "cep/pattern/sequence_matcher.h"
#include "cep/pattern/step_conditions.h"
#include "cep/record/budget.h"
#include "cep/record/engine_stats.h"
#include "cep/record/key_record.h"

namespace tocsin::cep {
struct CurrentRow;

class PatternMatcher {
 public:
  PatternMatcher(const ProgramImpl& program, const TableProgram& table, RecordStore& store,
                 EventCapture& capture, EngineStats& stats, GroupBudgets& groups,
                 BudgetLog& budgets);
  /// Offers the row to the rule's partial matches of its key; its deadlines go to queue `queue`.
  void on_event(const RuleProgram& rule, const MatchContext& context, CurrentRow& current,
                std::uint32_t queue);
  /// Time has reached a deadline of the key.
  void on_deadline(const RuleProgram& rule, const MatchContext& context, KeySlot& slot,
                   std::string_view key, const Timer& timer, std::uint32_t queue);
  /// Gives what waited for partial matches that were dropped at `at`, an event or a deadline; the
  /// ordinals of its alerts begin at 0.
  void give_waiting(const RuleProgram& rule, const MatchContext& context, KeySlot& slot,
                    std::string_view key, const OrderKey& at, std::uint32_t queue);
  /// Gives back what a rule has of a key, which the record names at `state`, in the shard's
  /// patterns.
  void release(PatternPool& patterns, const std::byte* record, Offset state);
  /// Until when the rule's state of a key matters: kDead when it is over by `now_us` (then it is
  /// released), kNeverDies. Drops expired partial matches.
  std::int64_t expiry(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                      Offset state, std::int64_t now_us);
  /// The alerts whose suppression is not by their own key.
  DeferredAlerts& deferred() { return deferred_; }
  const DeferredAlerts& deferred() const { return deferred_; }
  /// As Matcher has them; an open window is a partial match too.
  std::uint64_t live_runs(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                          Offset state, std::int64_t now_us, std::vector<LiveRun>& runs);
  std::uint64_t events_of_live_runs() const {
    return busy_events_ > 0 ? busy_events_ : meter_.events() + path_events_;
  }
  std::uint64_t budget_work() const { return meter_.work() + budget_.work() + windows_.work(); }
  /// Until when a partial match may give an alert; PatternRun::kNever.
  std::int64_t lives_until(const RuleProgram& rule, const PatternRun& run) {
    current_.select_rule(rule, nullptr, {});
    return current_.lives_until(run);
  }
  void drop_live_runs(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                      Offset state, std::int64_t now_us, std::size_t count);
  /// When a key that is quiet without an end in time was last seen to be; absent where it is not.
  static std::optional<std::int64_t> quiet_since(const RuleProgram& rule, PatternPool& patterns,
                                                 const std::byte* record, Offset state);
  static void end_quiet(PatternPool& patterns, const std::byte* record, Offset state);
  /// Sets all timers that the state of a key with this hash waits for.
  void set_timers(const RuleProgram& rule, PatternState& state, std::uint64_t hash,
                  ShardTimers& timers, std::uint32_t queue);
  static constexpr std::int64_t kDead = CurrentPattern::kDead;
  static constexpr std::int64_t kNeverDies = CurrentPattern::kNeverDies;

 private:
  // What becomes of partial matches at the current event is drafted.
  void offer_all(bool may_start);
  bool offer_concerned(bool may_start);
  std::uint64_t offer_newest_first(bool may_start);
  void offer_starts(bool may_start);
  bool may_run_out() const;
  void offer(const PatternRun& run, const std::uint32_t* counters);
  void offer_fan(const PatternRun& run, const std::uint32_t* counters, const PatternTransition& fan,
                 bool without);
  void offer_start(std::uint32_t transition);
  void take(const PatternRun& parent, const std::uint32_t* counters, std::uint32_t step,
            bool forbidden, bool without);
  void keep(const PatternRun& run, const std::uint32_t* counters);
  // What was drafted is written.
  bool keep_concerned();
  void commit();
  void write_runs();
  void set_deadlines();
  // Selects the rule's state of a key where no event of it is taken.
  PatternState* begin_without_row(const RuleProgram& rule, const MatchContext& context,
                                  KeySlot& slot, std::string_view key, std::uint32_t queue);

  GroupBudgets& groups_;
  CurrentPattern current_;
  StepConditions conditions_;
  NodeWriter nodes_;
  LostRuns lost_;
  RunDrafts drafts_;
  DraftPruning pruning_;
  ConcernedRuns concerned_;
  DraftBudget budget_;
  CompleteMatches matches_;
  KeySuppression suppression_;
  DeferredAlerts deferred_;
  PatternAlerts alerts_;
  MatchSelection selection_;
  ClosingWindows windows_;
  MembersMatcher members_;
  PathsMatcher paths_;
  SequenceMatcher sequence_;

  // Of the current event.
  std::uint32_t current_from_ = RunDraft::kFresh;  // RunDraft::from of what is drafted
  bool changed_ = false;
  bool any_live_ = false;  // of the partial matches before it
  std::vector<RunDraft> kept_drafts_;
  std::vector<std::uint32_t> new_counters_;
  std::vector<std::uint32_t> fan_counters_;

  // Of the key that live_runs() was last called for.
  BudgetMeter meter_;
  std::uint64_t path_events_ = 0;
  std::uint64_t busy_events_ = 0;
};
}  // namespace tocsin::cep

/// Matching of any pattern, selection and suppression (Method::kGeneral): one rule, one key, one
/// event at a time.
///
/// A partial match stands on one **transition** of the automaton (cep/compile/pattern_program.h)
/// and is offered each considered event of its key. It ends, stays, or takes the event: then each
/// transition that its counters allow makes a partial match of its own. A transition to the end
/// makes a complete one, or one that waits for its deadline or the next event.
///
/// What becomes of the partial matches at an event is drafted first, then pruned and cut to the
/// budget; only what survives is written. Invariants:
/// - runs stand ascending by their first event;
/// - one node stands for one list of (event, step) taken, so that equal matches are found by their
///   nodes, and two that reached the same node on the same transition with equal counters are one;
/// - **pruning**: where the selection prefers one match (PatternProgram, compile_pattern.cpp), of
///   two partial matches of one first event that stand on the same transition with equal counters,
///   gaps and deadlines and agree on all events that anything later asks about, the one that comes
///   first in the order stays: whatever completes the other completes it too, at the same event,
///   and it is selected first. Where nothing is asked about and no window ends them apart, that
///   holds for different first events too;
/// - a key with many partial matches has none: it is matched by places (pattern_paths.cpp), where
///   the pattern has paths (cep/places/paths.h);
/// - members of `all of` that share a fan: see draft_pruning.cpp.
///
/// A key with many partial matches of a rule with `all of` is a busy one, where the rule allows it
/// (RuleProgram::members): it has none of them, but the events that fit each step
/// (cep/places/members.h, pattern_busy.cpp).
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/alert/match_context.h"
#include "cep/compile/pattern_program.h"
#include "cep/data/alert.h"
#include "cep/eval/eval.h"
#include "cep/pattern/closing_windows.h"
#include "cep/pattern/complete_matches.h"
#include "cep/pattern/current_pattern.h"
#include "cep/pattern/deferred_alerts.h"
#include "cep/pattern/draft_budget.h"
#include "cep/pattern/draft_pruning.h"
#include "cep/pattern/key_suppression.h"
#include "cep/pattern/lost_runs.h"
#include "cep/pattern/match_selection.h"
#include "cep/pattern/node_writer.h"
#include "cep/pattern/pattern_alerts.h"
#include "cep/pattern/step_conditions.h"
#include "cep/places/members.h"
#include "cep/record/budget.h"
#include "cep/record/engine_stats.h"
#include "cep/record/key_record.h"

namespace tocsin::cep {
struct CurrentRow;

class PatternMatcher {
 public:
  PatternMatcher(const ProgramImpl& program, const TableProgram& table, RecordStore& store,
                 EngineStats& stats, GroupBudgets& groups, BudgetLog& budgets);
  /// Offers the row to the rule's partial matches of its key; its deadlines go to queue `queue`.
  void on_event(const RuleProgram& rule, const MatchContext& context, CurrentRow& current,
                std::uint32_t queue);
  /// Time has reached a deadline of the key.
  void on_deadline(const RuleProgram& rule, const MatchContext& context, KeySlot& slot,
                   std::string_view key, const Timer& timer, std::uint32_t queue);
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
  // ---- one event
  void offer_all(bool may_start);
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
  // ---- busy keys (cep/pattern/pattern_paths.cpp)
  class PathsRow;
  bool on_paths_event();
  void keep_paths_to_budget();
  void make_paths(std::size_t runs_before);
  static std::uint64_t drop_path_starts(const RuleProgram& rule, PatternState& of,
                                        std::int64_t now_us, std::uint64_t count);
  void drop_path_runs(const RuleProgram& rule, PatternState& of, std::int64_t now_us,
                      std::uint64_t count);
  std::int64_t paths_expiry(const RuleProgram& rule, PatternState& of, std::int64_t now_us);
  std::uint64_t live_path_runs(const RuleProgram& rule, PatternState& of, std::int64_t now_us,
                               std::vector<LiveRun>& runs) const;
  // ---- busy keys (cep/pattern/pattern_busy.cpp)
  bool on_busy_event();
  bool keep_busy_event(Members& members);
  void keep_busy_to_budget();
  void drop_older_starts();
  void live_starts(std::int64_t now_us, std::vector<LiveRun>& runs);
  void drop_starts(std::int64_t now_us, std::size_t count);
  void make_busy();
  void end_busy();
  std::int64_t busy_expiry(std::int64_t now_us);
  void commit();
  void set_deadlines();

  GroupBudgets& groups_;
  BudgetMeter meter_;
  std::uint64_t path_events_ = 0;  // of the busy key that live_runs() was last asked about

  CurrentPattern current_;
  StepConditions conditions_;
  NodeWriter nodes_;
  LostRuns lost_;
  std::uint32_t current_from_ = BudgetTally::kFresh;  // Draft::from of what is drafted
  bool changed_ = false;
  bool any_live_ = false;  // of the partial matches before the current event
  RunDrafts drafts_;
  DraftPruning pruning_;
  DraftBudget budget_;
  std::vector<std::uint32_t> new_counters_;
  std::vector<std::uint32_t> fan_counters_;
  std::vector<std::uint32_t> fitting_;  // steps that the current event of a busy key fits
  std::uint64_t busy_events_ = 0;       // of the key that live_runs() was last asked about
  CompleteMatches matches_;
  KeySuppression suppression_;
  DeferredAlerts deferred_;
  PatternAlerts alerts_;
  MatchSelection selection_;
  ClosingWindows windows_;
};
}  // namespace tocsin::cep

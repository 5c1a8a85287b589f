/// Matching by runs that share their past (Method::kRuns; docs/internals/matching.md): one rule,
/// one key, one event at a time. The rules of one event (Method::kSingle) are matched here too; it
/// has the matchers of all other rules.
///
/// A **run** stands at the step whose event it took last, and may at once wait for the next step
/// and collect more for its step's loop: an event that neither takes leaves it as it is, so that
/// "every count is a place to stop" makes a new run only when the loop goes on. Runs are kept
/// ascending by their first event.
///
/// An event is worked on in this order, each step by a class of its own:
/// - RunOffers offers it to each run and to a fresh start, which RunConditions says it fits, and
/// drafts what becomes of them;
/// - RunSelection selects among the matches that it completes, and makes alerts of them;
/// - RunPruning drops drafts that others stand in for, and RunBudget those beyond the budget;
/// - RunWriter writes what survives: captured event and nodes are made for it alone.
///
/// RunStarts writes the first run of a key at once, where nothing else can come of the event.
///
/// A key with many runs becomes a busy one, where the rule allows it: PlacesMatcher matches it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "cep/alert/current_row.h"
#include "cep/alert/match_context.h"
#include "cep/match/current_runs.h"
#include "cep/match/places_matcher.h"
#include "cep/match/run_budget.h"
#include "cep/match/run_conditions.h"
#include "cep/match/run_losses.h"
#include "cep/match/run_offers.h"
#include "cep/match/run_pruning.h"
#include "cep/match/run_room.h"
#include "cep/match/run_selection.h"
#include "cep/match/run_starts.h"
#include "cep/match/run_writer.h"
#include "cep/match/strict_matcher.h"
#include "cep/pattern/pattern_matcher.h"
#include "cep/record/budget.h"
#include "cep/record/engine_stats.h"
#include "cep/record/key_record.h"
#include "cep/record/timers.h"

namespace tocsin::cep {
class Matcher {
 public:
  Matcher(const ProgramImpl& program, const TableProgram& table, RecordStore& store,
          EventCapture& capture, EngineStats& stats, GroupBudgets& groups, BudgetLog& budgets);

  /// The shard whose keys are meant from now on.
  void work_on(BudgetTallies& tallies) { budget_.work_on(tallies); }
  /// The matcher of the rules that no simple method does.
  PatternMatcher& general() { return general_; }
  const PatternMatcher& general() const { return general_; }
  /// The matcher of groups of strict rules.
  StrictMatcher& strict() { return strict_; }
  /// Offers the row to the rule's runs of its key; its deadlines go to queue `queue`.
  void on_event(const RuleProgram& rule, const MatchContext& context, CurrentRow& row,
                std::uint32_t queue);
  /// Gives the matches of the key for which this deadline was set, if they still wait for it.
  void on_deadline(const RuleProgram& rule, const MatchContext& context, KeySlot& slot,
                   std::string_view key, const Timer& timer);
  /// Until when the rule's state of a key matters: kDead when it is over by `now_us`, kNeverDies.
  /// Drops expired runs.
  std::int64_t expiry(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                      Offset state, std::int64_t now_us);
  static constexpr std::int64_t kDead = CurrentRuns::kDead;
  static constexpr std::int64_t kNeverDies = CurrentRuns::kNeverDies;
  /// Gives back what a rule has of a key outside its record.
  void release(const RuleProgram& rule, PatternPool& patterns, const std::byte* record,
               Offset state);
  /// Appends the rule's partial matches of a key that live on at `now_us`, the oldest first; what
  /// the key holds beside them, in bytes as budgets count. Not of strict rules, which are bounded
  /// by themselves.
  std::uint64_t live_runs(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                          Offset state, std::int64_t now_us, std::vector<LiveRun>& runs);
  /// The events that the partial matches last appended hold.
  std::uint64_t events_of_live_runs(const RuleProgram& rule) const;
  /// Drops so many of those, the oldest.
  void drop_live_runs(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                      Offset state, std::int64_t now_us, std::size_t count);
  /// EngineStats::budget_work of the table.
  std::uint64_t budget_work() const {
    return meter_.work() + budget_.work() + general_.budget_work();
  }

 private:
  bool passes(const CountTest& test, const CurrentRow& row) const;
  bool stays(const RuleProgram& rule, const CurrentRow& row, const OperatorEntry& entry) const;
  void give_single_event();
  bool passes_by(OperatorEntry& entry, bool may_start, std::uint32_t queue);
  std::uint32_t drop_expired(OperatorEntry& entry);
  void keep_to_runs(OperatorEntry& entry);
  void drop_oldest(OperatorEntry& entry, std::uint32_t runs);
  void take_due(const Timer& timer, OperatorEntry& entry);
  std::uint32_t drop_older_half(Run* runs, std::uint32_t count, const OrderKey& order);

  CurrentRuns current_;
  RunConditions conditions_;
  RunLosses losses_;
  DraftedRuns drafted_;
  RunOffers offers_;
  RunPruning pruning_;
  RunBudget budget_;
  RunRoom room_;
  RunStarts starts_;
  RunWriter writer_;
  RunSelection selection_;
  PlacesMatcher places_;
  StrictMatcher strict_;
  PatternMatcher general_;
  std::vector<Run> due_;  // of the current deadline

  // Of the key that live_runs() was last called for.
  BudgetMeter meter_;
  std::uint64_t live_events_ = 0;
};
}  // namespace tocsin::cep

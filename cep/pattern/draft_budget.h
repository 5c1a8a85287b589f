/// The budgets of the current rule and key (cep/record/budget.h): the oldest drafts beyond them go
/// before anything is written.
#pragma once
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "cep/pattern/draft_pruning.h"
#include "cep/pattern/lost_runs.h"
#include "cep/record/budget.h"
#include "cep/record/budget_shares.h"
#include "cep/record/budget_tally.h"

namespace tocsin::cep {
class DraftBudget {
 public:
  /// Cuts `drafts`, which are of the current rule, key and event; what goes is noted in `lost`.
  DraftBudget(CurrentPattern& current, RunDrafts& drafts, LostRuns& lost)
      : current_(current), drafts_(drafts), lost_(lost) {}
  /// Drops the oldest drafts until the rest fit the budgets.
  void keep();
  /// The drafts that keep() left are the state's partial matches now: remembers what they take
  /// where that is near a budget.
  void write_tally();
  /// EngineStats::budget_work of this.
  std::uint64_t work() const { return meter_.work(); }

 private:
  bool find_shares();
  BudgetShare count_all();
  BeyondBudget beyond_shares(const BudgetShare& limit, const BudgetShare& beside) const;
  std::uint64_t event_bytes() const;
  void keep_tally();
  RunMark mark_of(const PatternRun& run) const;

  CurrentPattern& current_;
  RunDrafts& drafts_;
  LostRuns& lost_;
  BudgetMeter meter_;
  bool is_near_budget_ = false;  // the current key: the drafts' shares are counted
  // Of the drafts: what they take before they take the current event, and where they come from.
  std::vector<BudgetShare> shares_;
  BudgetShare slack_;
  std::vector<std::uint32_t> from_;
  std::vector<RunMark> marks_;
  std::unordered_set<Offset> made_;
};
}  // namespace tocsin::cep

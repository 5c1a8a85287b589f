/// The budgets of the current rule and key (cep/record/budget.h): the oldest drafts beyond them go
/// before anything is written.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "cep/pattern/draft_pruning.h"
#include "cep/pattern/lost_runs.h"
#include "cep/record/budget.h"
#include "cep/record/held_places.h"

namespace tocsin::cep {
class DraftBudget {
 public:
  /// Cuts `drafts`, which are of the current rule, key and event; what goes is noted in `lost`.
  DraftBudget(CurrentPattern& current, RunDrafts& drafts, LostRuns& lost)
      : current_(current), drafts_(drafts), lost_(lost) {}
  /// Drops the oldest drafts until the rest fit the budgets.
  void keep();
  /// The drafts that keep() left are the state's partial matches now: remembers what they hold
  /// where that is near a budget.
  void write_held();
  /// EngineStats::budget_work of this.
  std::uint64_t work() const { return work_; }

 private:
  void lose_drafts(std::size_t count, BudgetCause cause);
  bool stays_within(std::size_t words, std::size_t matches) const;
  void drop_oldest(std::size_t waiting);

  CurrentPattern& current_;
  RunDrafts& drafts_;
  LostRuns& lost_;
  std::unique_ptr<HeldMatches> held_;  // between keep() and write_held(), where it is near a budget
  std::uint64_t work_ = 0;
};
}  // namespace tocsin::cep

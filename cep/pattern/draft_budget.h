/// The budgets of the current rule and key (cep/record/budget.h): the oldest drafts beyond them go
/// before anything is written.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

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
  /// The same where the key's partial matches have an order, of which the drafts are those at
  /// `places`, the oldest first, and fresh ones: takes time by the drafts and what goes. False
  /// where all have to be drafted for it; then none has gone.
  bool keep_concerned(const std::vector<std::uint32_t>& places);
  /// The drafts that were kept are the state's partial matches now: remembers what they hold
  /// where that is near a budget.
  void write_held();
  /// EngineStats::budget_work of this.
  std::uint64_t work() const { return work_; }

 private:
  void lose_drafts(std::size_t count, BudgetCause cause);
  bool stays_within(std::size_t words, std::size_t matches) const;
  void drop_oldest(std::size_t waiting);
  bool hold_concerned(const std::vector<std::uint32_t>& places);
  void give_back_held(const std::vector<std::uint32_t>& places, std::uint32_t oldest);
  BudgetShare share_of_event() const;
  void note_count(std::size_t words, std::size_t matches);
  std::uint64_t event_bytes() const;

  CurrentPattern& current_;
  RunDrafts& drafts_;
  LostRuns& lost_;
  std::unique_ptr<HeldMatches> held_;  // between keep() and write_held(), where it is near a budget
  std::uint64_t work_ = 0;
};
}  // namespace tocsin::cep

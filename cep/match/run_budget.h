/// The budgets of the current rule and key (cep/record/budget.h): the oldest drafts beyond them go
/// before anything is written.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "cep/match/current_runs.h"
#include "cep/match/run_losses.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
/// Invariant: a tally that the shard keeps of a key is of what the key has.
class RunBudget {
 public:
  /// Cuts `drafts`, which are of the current rule, key and event; what goes is noted in `losses`.
  RunBudget(CurrentRuns& current, RunLosses& losses, std::vector<Draft>& drafts)
      : current_(current), losses_(losses), drafts_(drafts) {}
  /// The shard whose keys are meant from now on, by its tallies.
  void work_on(BudgetTallies& tallies) { tallies_ = &tallies; }
  /// That shard's tallies.
  BudgetTallies& tallies() { return *tallies_; }
  /// Drops the oldest drafts until the rest fit the budgets; the older half where matches of the
  /// event were given up.
  void keep();
  /// The drafts that keep() left are the key's runs now: remembers what they take where that is
  /// near a budget.
  void write_tally();
  /// EngineStats::budget_work of this.
  std::uint64_t work() const { return meter_.work(); }

 private:
  // How many of the oldest drafts are beyond a budget, and beyond which.
  using Beyond = std::pair<std::size_t, BudgetCause>;
  void lose_drafts(std::size_t count, BudgetCause cause);
  bool stays_within(BudgetTally& tally) const;
  bool find_shares(BudgetTally& tally);
  void count_all(std::uint64_t words);
  void count_shares();
  Beyond beyond_shares(const BudgetShare& limit) const;
  bool is_certain(const Beyond& beyond, BudgetShare limit) const;
  std::uint64_t event_bytes() const;
  void keep_tally(BudgetTally& tally);
  RunMark mark_of(const Run& run) const;

  CurrentRuns& current_;
  RunLosses& losses_;
  std::vector<Draft>& drafts_;
  BudgetMeter meter_;
  BudgetTallies* tallies_ = nullptr;
  BudgetTally* tally_ = nullptr;  // of the current rule and key, where it is near a budget
  // Of the drafts: what they take before they take the current event, and where they come from.
  std::vector<BudgetShare> shares_;
  BudgetShare slack_;
  std::vector<std::uint32_t> from_;
  std::vector<RunMark> marks_;
};
}  // namespace tocsin::cep

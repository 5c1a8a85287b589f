/// The budgets of the current rule and key (cep/record/budget.h): the oldest drafts beyond them go
/// before anything is written.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cep/match/current_runs.h"
#include "cep/match/run_losses.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
/// Invariant: a tally that the shard keeps of a key is of what the key has, or of more.
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
  /// The drafts that keep() left are the key's runs now: remembers what they hold where that is
  /// near a budget.
  void write_tally();

  // The same where the event only begins partial matches, behind the key's runs, which are not
  // drafted: each of these takes time by what begins and ends.

  /// Whether it is known well enough what the key's runs hold.
  bool is_known();
  /// Requires is_known(). The key's runs are these now: any may have ended. False where more of
  /// them than the oldest have.
  bool follow(std::span<const Run> runs);
  /// Requires that follow() gave true for these runs, or more. How many of the oldest have to go
  /// for the drafts, which is noted in `losses`.
  std::uint32_t keep_begun(std::span<const Run> runs);
  /// The last `begun` drafts were written.
  void write_begun(std::size_t begun);
  /// EngineStats::budget_work of this.
  std::uint64_t work() const { return work_; }

 private:
  void lose_drafts(std::size_t count, BudgetCause cause);
  bool stays_within(RunTally& tally) const;
  std::uint32_t words_of_record() const;
  void look_at_record(HeldPlaces& places) const;
  void drop_oldest(RunTally& tally);
  std::uint64_t event_bytes() const;
  bool is_near(const RunTally& tally, std::size_t runs) const;
  template <typename Hold>
  void hold_written(RunTally& tally, std::size_t runs, Hold&& hold);

  CurrentRuns& current_;
  RunLosses& losses_;
  std::vector<Draft>& drafts_;
  BudgetTallies* tallies_ = nullptr;
  RunTally* tally_ = nullptr;  // between keep() and write_tally(), where it was counted
  RunTally* known_ = nullptr;  // from is_known() to write_begun()
  std::uint64_t work_ = 0;
};
}  // namespace tocsin::cep

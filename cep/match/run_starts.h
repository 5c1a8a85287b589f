/// The first partial match of a key, as most begin: nothing but the event's own conditions decides,
/// and nothing of the rule is in the record yet. It is written at once, without a draft.
#pragma once
#include <vector>

#include "cep/match/current_runs.h"
#include "cep/match/run_budget.h"
#include "cep/match/run_room.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
/// Invariant: what it writes is what RunWriter would write of a fresh start.
class RunStarts {
 public:
  RunStarts(CurrentRuns& current, GroupBudgets& groups, RunBudget& budget, const RunRoom& room);
  /// Begins a partial match of the rule with the row, which satisfies the first step's predicate;
  /// the record has nothing of the rule. False where it may not be begun in this way.
  bool start(const RuleProgram& rule, CurrentRow& row);

 private:
  CurrentRuns& current_;
  GroupBudgets& groups_;
  RunBudget& budget_;
  const RunRoom& room_;
  std::vector<bool> may_start_;  // by rule
};
}  // namespace tocsin::cep

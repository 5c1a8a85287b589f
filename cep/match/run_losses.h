/// What the current rule loses at the current key because a budget is exceeded or the steps of an
/// event do not suffice: counted, remembered for the next alert, and noted for the operator.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cep/data/alert.h"
#include "cep/match/current_runs.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
class RunLosses {
 public:
  RunLosses(CurrentRuns& current, BudgetLog& budgets) : current_(current), budgets_(budgets) {}
  /// So many partial matches are dropped for `cause`, at the current event or at `order`.
  void lose(std::uint64_t count, BudgetCause cause);
  void lose(std::uint64_t count, BudgetCause cause, const OrderKey& order);
  /// Forgets what was lost where nothing is left of its time; `any_live`: the key had partial
  /// matches before the current event.
  void forget(bool any_live) {
    RuleHeader& state = current_.state;
    if (!any_live && current_.now_us() >= state.lost_until_us) state.lost_runs = 0;
  }
  /// So many matches are given up because the steps do not suffice.
  void give_up(std::size_t matches, const OrderKey& order);
  /// Whether one more match of the event may become an alert.
  bool may_raise(const OrderKey& order);

 private:
  CurrentRuns& current_;
  BudgetLog& budgets_;
};
}  // namespace tocsin::cep

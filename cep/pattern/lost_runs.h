/// What a rule loses at a key because a budget is exceeded or the steps of an event do not suffice:
/// counted, remembered for the next alert, and noted for the operator.
#pragma once
#include <cstddef>

#include "cep/data/alert.h"
#include "cep/pattern/current_pattern.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
class LostRuns {
 public:
  LostRuns(CurrentPattern& current, BudgetLog& budgets) : current_(current), budgets_(budgets) {}
  /// An event or a deadline begins.
  void begin() { gave_up_ = false; }
  /// `count` partial matches of the current key are dropped for `cause`, at the current event or at
  /// `order`.
  void lose(std::size_t count, BudgetCause cause);
  void lose(std::size_t count, BudgetCause cause, const OrderKey& order);
  /// Forgets what was lost where nothing is left of its time; `any_live`: the key had partial
  /// matches before the current event.
  void forget(bool any_live);
  /// So many matches are given up because the steps do not suffice.
  void give_up(std::size_t matches, const OrderKey& order);
  /// Whether matches of the current event or deadline were given up.
  bool gave_up() const { return gave_up_; }
  /// Whether one more match of an event may become an alert, after `raised` alerts, of which `last`
  /// is the last; null when there is none.
  bool may_raise(std::size_t raised, const Alert* last, const OrderKey& order);

 private:
  CurrentPattern& current_;
  BudgetLog& budgets_;
  bool gave_up_ = false;  // a match, for want of steps
};
}  // namespace tocsin::cep

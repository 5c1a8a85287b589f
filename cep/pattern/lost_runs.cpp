#include "cep/pattern/lost_runs.h"

#include <algorithm>
#include <utility>

#include "cep/alert/current_row.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
void LostRuns::lose(std::size_t count, BudgetCause cause) {
  lose(count, cause, current_.order_here());
}

void LostRuns::lose(std::size_t count, BudgetCause cause, const OrderKey& order) {
  current_.make_state();
  current_.state->lost_runs += count;
  current_.state->lost_until_us =
      std::max(current_.state->lost_until_us, missed_until(*current_.rule, order.time.us));
  current_.stats.runs_lost += count;
  OrderKey at = order;
  at.level = at.ordinal = 0;
  budgets_.note(current_.rule->index, cause, std::move(at));
}

void LostRuns::forget(bool any_live) {
  if (!any_live && current_.row->row->engine_time.us >= current_.state->lost_until_us)
    current_.state->lost_runs = 0;
}

void LostRuns::give_up(std::size_t matches, const OrderKey& order) {
  gave_up_ = true;
  lose(matches, BudgetCause::kStepsPerEvent, order);
}

bool LostRuns::may_raise(std::size_t raised, const Alert* last, const OrderKey& order) {
  if (raised == current_.program.limits.matches_per_event_max) return false;
  if (raised == 0 || current_.steps.may_list()) return true;
  if (last->truncated == 0) {
    OrderKey at = order;
    at.level = at.ordinal = 0;
    budgets_.note(current_.rule->index, BudgetCause::kStepsPerEvent, std::move(at));
  }
  return false;
}
}  // namespace tocsin::cep

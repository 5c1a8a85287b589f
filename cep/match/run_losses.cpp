#include "cep/match/run_losses.h"

#include <algorithm>
#include <utility>

#include "cep/record/budget.h"

namespace tocsin::cep {
void RunLosses::lose(std::uint64_t count, BudgetCause cause) {
  lose(count, cause, current_.order_here());
}

void RunLosses::lose(std::uint64_t count, BudgetCause cause, const OrderKey& order) {
  RuleHeader& state = current_.state;
  state.lost_runs += static_cast<std::uint32_t>(count);
  state.lost_until_us = std::max(state.lost_until_us, missed_until(*current_.rule, order.time.us));
  current_.stats.runs_lost += count;
  OrderKey at = order;
  at.level = at.ordinal = 0;
  budgets_.note(current_.rule->index, cause, std::move(at));
}

void RunLosses::give_up(std::size_t matches, const OrderKey& order) {
  current_.gave_up = true;
  lose(matches, BudgetCause::kStepsPerEvent, order);
}

bool RunLosses::may_raise(const OrderKey& order) {
  if (order.ordinal == current_.program.limits.matches_per_event_max) return false;
  if (order.ordinal == 0 || current_.steps.may_list()) return true;
  if (current_.context->alerts.back().truncated == 0) {
    OrderKey at = order;
    at.level = at.ordinal = 0;
    budgets_.note(current_.rule->index, BudgetCause::kStepsPerEvent, std::move(at));
  }
  return false;
}
}  // namespace tocsin::cep

#include "api/alerts/alert_conditions.h"

#include <utility>

#include "cep/plan/plan.h"

namespace tocsin::api {
void AlertConditions::set_plan(PlanPtr plan) {
  const std::lock_guard lock(mutex_);
  plan_ = std::move(plan);
}

AlertConditions::PlanPtr AlertConditions::plan() const {
  const std::lock_guard lock(mutex_);
  return plan_;
}

tl::expected<std::shared_ptr<const AlertCondition>, ConditionRefusal> AlertConditions::make(
    const AlertFilter& filter) const {
  if (filter.condition_text.empty()) return nullptr;
  const PlanPtr plan = this->plan();
  static const cep::Plan kNone;
  return AlertCondition::make(filter.condition_text,
                              alert_fields(plan ? *plan : kNone, filter.rules));
}

std::string AlertConditions::fit(AlertFilter& filter) const {
  auto made = make(filter);
  if (!made) {
    filter.condition = nullptr;
    return std::move(made.error().detail);
  }
  filter.condition = *std::move(made);
  return {};
}
}  // namespace tocsin::api

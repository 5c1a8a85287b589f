/// Conditions of filters against the rules that hold now.
#pragma once
#include <memory>
#include <mutex>
#include <tl/expected.hpp>

#include "api/alerts/alert_condition.h"
#include "api/alerts/alert_query.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::api {
/// Threading: any.
class AlertConditions {
 public:
  using PlanPtr = std::shared_ptr<const cep::Plan>;
  explicit AlertConditions(PlanPtr plan) : plan_(std::move(plan)) {}
  void set_plan(PlanPtr plan);
  /// Of the rules that hold; null: there are none.
  PlanPtr plan() const;
  /// What the filter's condition asks; null where it has none.
  tl::expected<std::shared_ptr<const AlertCondition>, ConditionRefusal> make(
      const AlertFilter& filter) const;
  /// Puts it into the filter, or nothing where it does not fit; gives why, empty where it does.
  std::string fit(AlertFilter& filter) const;

 private:
  mutable std::mutex mutex_;
  PlanPtr plan_;  // null: there are no rules
};
}  // namespace tocsin::api

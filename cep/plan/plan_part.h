/// One rule and all that it reads, as a plan of its own.
#pragma once
#include "cep/plan/operator_graph.h"
#include "cep/plan/plan.h"

namespace tocsin::cep {
/// The rule's alerts from this plan are its alerts from the whole one, unless a budget is exceeded
/// that rules share.
struct PlanPart {
  Plan plan;
  RuleIndex rule;
};
/// Takes parts of one plan. What a part costs grows with the part, and with the number of event
/// types, not with the number of rules.
class PlanParts {
 public:
  /// Requires that the plan validates, and outlives this.
  explicit PlanParts(const Plan& whole) : whole_(whole), graph_(whole) {}
  /// The rule with the features and rules that it reads, directly or through others, the lists,
  /// tables and zones that they look at, and the event types. Types that come from outside keep
  /// their numbers.
  PlanPart of(RuleIndex rule) const;

 private:
  const Plan& whole_;
  OperatorGraph graph_;
};
}  // namespace tocsin::cep

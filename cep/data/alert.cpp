#include "cep/data/alert.h"

#include <algorithm>
#include <array>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
const char* budget_name(BudgetCause cause) {
  constexpr std::array kNames = {"runs_per_key",   "events_per_key",  "bytes_per_key",
                                 "runs_per_group", "bytes_per_group", "steps_per_event"};
  return kNames[static_cast<std::size_t>(cause)];
}

std::int32_t score_field_of(const Rule& rule) {
  const auto score = std::ranges::find(rule.fields, "score", &AlertField::name);
  return score == rule.fields.end() ? -1 : static_cast<std::int32_t>(score - rule.fields.begin());
}

Status status_of(const Plan& plan, const Alert& alert) {
  const Rule& rule = plan.rules[alert.rule.value];
  if (alert.budget) return rule.status == Status::kShadow ? rule.status : Status::kLive;
  const bool is_outside = rule.status == Status::kLive && !rule.share.has(alert.order.key);
  return is_outside ? Status::kShadow : rule.status;
}
}  // namespace tocsin::cep

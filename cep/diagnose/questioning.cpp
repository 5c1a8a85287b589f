#include "cep/diagnose/questioning.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace tocsin::cep {
std::size_t Questioning::add(DerivedRule derived, const PatternStage* stage) {
  derived.rule.name = fmt::format("$near{}", derived_.size());
  derived.rule.id = derived.rule.name;
  derived_.push_back(std::move(derived));
  stages_.push_back(stage);
  return derived_.size() - 1;
}

Result<void> Questioning::ask() {
  auto plan = std::make_shared<Plan>(plan_);
  const std::size_t first = answers_.size();
  for (std::size_t i = first; i < derived_.size(); ++i) plan->rules.push_back(derived_[i].rule);
  const Result<std::vector<Alert>> alerts = replay_(plan);
  if (!alerts) return tl::unexpected(alerts.error());
  answers_.resize(derived_.size());
  own_.clear();
  for (const Alert& alert : *alerts) {
    if (alert.budget) {  // no match: it tells that some were dropped, and has no events
      cut_ = true;
      continue;
    }
    if (alert.rule == index_) own_.push_back(read_match(rule_, nullptr, alert, false));
    if (alert.rule.value < plan_.rules.size()) continue;
    const std::size_t i = first + alert.rule.value - plan_.rules.size();
    answers_[i].push_back(read_match(rule_, stages_[i], alert, derived_[i].waits_a_moment));
    cut_ = cut_ || answers_[i].back().cut;
  }
  return {};
}
}  // namespace tocsin::cep

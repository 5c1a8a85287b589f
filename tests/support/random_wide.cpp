#include "tests/support/random_wide.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "cep/plan/rule.h"
#include "tests/support/plan_parts.h"
#include "tests/support/plan_walk.h"
#include "tests/support/random_expr.h"

namespace tocsin::tests {
void widen(Random& random, cep::Plan& plan, std::size_t index) {
  cep::Rule& rule = plan.rules[index];
  if (rule.window || rule.pattern.empty() || !rule.pattern.back().is_step()) return;
  const cep::Rule before = rule;
  const std::vector<cep::Subset> events = rule.pattern.back().events();
  ExprScope scope;
  scope.types = types_of(events);
  const auto make_step = [&](bool is_optional) {
    cep::Step step;
    step.events = events;
    step.var = cep::VarIndex(rule.variables.size());
    if (random.chance(85)) step.where = all_of({random_condition(random, plan, scope, 1)});
    step.optional = is_optional;
    cep::Variable variable;
    if (random.chance(30)) variable.name = fmt::format("w{}", rule.variables.size());
    rule.variables.push_back(std::move(variable));
    return cep::Element(std::move(step));
  };
  if (random.chance(50)) {
    cep::Group group;
    group.form = cep::GroupForm::kAllOf;
    for (std::size_t i = 3 + random.below(3); i > 0; --i) {
      group.children.push_back(make_step(random.chance(20)));
    }
    rule.pattern.emplace_back(std::move(group));
  } else {
    for (std::size_t i = 3 + random.below(4); i > 0; --i) rule.pattern.push_back(make_step(true));
    if (random.chance(60)) rule.pattern.push_back(make_step(false));
  }
  set_captured(plan, rule);
  if (!cep::validate(plan).empty()) rule = before;
}
}  // namespace tocsin::tests

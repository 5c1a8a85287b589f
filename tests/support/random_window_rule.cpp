// Random rules with a window that closes.
#include <memory>
#include <utility>

#include "cep/plan/rule.h"
#include "cep/plan/zone.h"
#include "tests/support/plan_parts.h"
#include "tests/support/plan_walk.h"
#include "tests/support/random_expr.h"
#include "tests/support/random_feature.h"
#include "tests/support/random_levels.h"

namespace tocsin::tests {
using cep::ExprPtr;
using cep::Op;
using cep::Rule;
using cep::TypeKind;
using cep::VarIndex;

namespace {
cep::Duration seconds(std::int64_t n) { return {1'000'000 * n}; }
}  // namespace

void make_window_rule(Random& random, cep::Plan& plan, std::size_t index) {
  Rule& rule = plan.rules[index];
  Rule made = rule;
  made.pattern.clear();
  made.within.reset();
  made.having = nullptr;
  made.severity = nullptr;
  made.selection = {};
  made.without.reset();
  made.exceptions.clear();
  made.suppression = {};
  made.fields.clear();
  made.message = {{"window of ", nullptr}};
  made.variables = {{"w", true}};
  cep::ClosingWindow window;
  const bool is_session = random.chance(50);
  const cep::Duration length = seconds(random.between(1, 8));
  if (is_session) {
    window.span = cep::SessionSpan{length};
  } else if (random.chance(40)) {
    const cep::CalendarUnit unit = random_unit(random);
    window.span = cep::CalendarSpan{unit, random_zone(random)};
    plan.zones = random_zones();
  } else {
    window.span = cep::TumblingSpan{length};
  }
  const cep::Subset opener = random.pick(rule.considered);
  for (const cep::Subset& subset : rule.considered) {
    if (subset.name == opener.name) window.events.push_back(subset);
  }
  ExprScope scope;
  scope.types = types_of(rule.considered);
  scope.steps = {{VarIndex(0), true, scope.types}};
  if (random.chance(70)) window.where = all_of({random_condition(random, plan, scope, 1)});
  made.window = std::move(window);
  auto count = std::make_shared<cep::Expr>();
  count->op = Op::kAggregate;
  count->payload = cep::VariableAggregate();
  count->type = type_of(TypeKind::kInt);
  made.message.push_back({"", count});
  made.fields.push_back({"last", random_value(random, plan, scope)});
  if (random.chance(30)) {
    made.suppression.once = cep::OncePerDuration{seconds(random.between(1, 20))};
  }
  if (random.chance(20)) made.having = all_of({random_condition(random, plan, scope, 1)});
  set_captured(plan, made);
  rule = std::move(made);
}
}  // namespace tocsin::tests

#include "tests/support/random_language.h"

#include <functional>

#include "tests/support/random_levels.h"
#include "tests/support/random_plan.h"
#include "tests/support/random_rich.h"

namespace tocsin::tests {
namespace {
// Makes a change in so many of a hundred cases; one that gives no valid plan is undone.
void attempt(Random& random, std::size_t percent, cep::Plan& plan,
             const std::function<void()>& change) {
  if (!random.chance(percent)) return;
  const cep::Plan before = plan;
  change();
  if (!cep::validate(plan).empty()) plan = before;
}
}  // namespace

cep::Plan random_language_plan(Random& random, const cep::Plan* schema) {
  const bool all = random.chance(30);
  const std::size_t only = random.below(7);
  const auto has = [&](std::size_t area) { return all || only == area; };
  PlanOptions options;
  options.rules_max = 2;
  options.rich_features = has(0);
  options.data = has(6);
  options.schema = schema;
  cep::Plan plan = random_plan(random, options);
  const Riches riches = random_riches(random);
  for (std::size_t r = 0; r < plan.rules.size(); ++r) {
    if (has(1) || has(2)) enrich(random, plan, r, riches);
    if (has(3)) attempt(random, 50, plan, [&] { make_roles(random, plan, r); });
    if (has(4)) attempt(random, 60, plan, [&] { make_window_rule(random, plan, r); });
    if (has(3)) attempt(random, 40, plan, [&] { add_unless_alerted(random, plan, r); });
  }
  if (has(5)) attempt(random, 100, plan, [&] { add_reader(random, plan); });
  if (has(5)) {
    attempt(random, 40, plan, [&] { add_reader(random, plan); });
    const std::size_t last = plan.rules.size() - 1;
    if (has(1)) enrich(random, plan, last, riches);
  }
  return plan;
}
}  // namespace tocsin::tests

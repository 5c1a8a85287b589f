// Busy keys of rules whose loop takes events within a time of its first one
// (cep/places/reached_loop.h), beside the oracle, also where events come late.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/busy_keys.h"
#include "tests/support/letters.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::ExprPtr;
using cep::Op;

constexpr cep::EventTypeIndex kLetter(0);
constexpr cep::VarIndex kLoop(0);

ExprPtr read_of_first(const std::pair<cep::FieldRef, cep::Type>& field) {
  cep::Expr first = *bound_read(kLoop, field);
  first.payload = cep::BoundField{kLoop, cep::Which::kFirst, field.first};
  return std::make_shared<const cep::Expr>(std::move(first));
}

// `ts - v0.first.ts < 5ms`, as it may be written; now and then with another field than the time.
void add_reach(cep::Plan& plan, Random& random) {
  const auto ts = *find_field(plan, {kLetter}, "ts");
  const cep::Type duration = type_of(cep::TypeKind::kDuration);
  const ExprPtr most = literal(
      duration,
      cep::Value::duration(cep::Duration{1000 * random.between(random.chance(10) ? -1 : 1, 9)}));
  const ExprPtr own = field_read(ts);
  const ExprPtr first = read_of_first(ts);
  ExprPtr left = own;
  ExprPtr right = operation(Op::kAdd, ts.second, {first, most});
  if (random.chance(60)) {
    left = operation(Op::kSubtract, duration, {own, first});
    right = most;
  }
  const bool is_strict = random.chance(50);
  const ExprPtr asked = random.chance(30)
                            ? condition(is_strict ? Op::kGreater : Op::kGreaterEqual, {right, left})
                            : condition(is_strict ? Op::kLess : Op::kLessEqual, {left, right});
  ExprPtr& where = plan.rules[0].pattern[0].test()->where;
  where = random.chance(50) ? all_of({where, asked}) : all_of({asked, where});
}

ExprPtr aggregate_of_loop(const cep::Plan& plan, cep::Aggregate aggregate, const char* field) {
  auto expr = std::make_shared<cep::Expr>();
  expr->op = Op::kAggregate;
  expr->payload = cep::VariableAggregate{kLoop, aggregate};
  expr->type = type_of(cep::TypeKind::kInt);
  if (aggregate != cep::Aggregate::kCount) {
    expr->args.push_back(field_read(*find_field(plan, {kLetter}, field)));
  }
  return expr;
}

// What places know, and now and then something that they do not.
void add_having(cep::Plan& plan, Random& random) {
  std::vector<ExprPtr> asked;
  const auto at_least = [&](const ExprPtr& what, std::int64_t most) {
    asked.push_back(condition(random.pick({Op::kGreater, Op::kGreaterEqual}),
                              {what, int_literal(random.between(0, most))}));
  };
  if (random.chance(60)) at_least(aggregate_of_loop(plan, cep::Aggregate::kDistinct, "v"), 3);
  if (random.chance(30)) at_least(aggregate_of_loop(plan, cep::Aggregate::kDistinct, "name"), 2);
  if (random.chance(30)) at_least(aggregate_of_loop(plan, cep::Aggregate::kCount, ""), 4);
  if (random.chance(20) && plan.rules[0].pattern.size() > 1) {
    at_least(field_read(*find_field(plan, {kLetter}, "v")), 2);
  }
  if (random.chance(8)) at_least(aggregate_of_loop(plan, cep::Aggregate::kSum, "i"), 30);
  if (asked.empty()) return;
  plan.rules[0].having = asked.size() == 1 ? asked[0] : condition(Op::kAnd, std::move(asked));
}

BusyCase random_case(Random& random) {
  BusyCase c;
  const std::string loop =
      fmt::format("any {}{{{},}}", letter_set(random, 50), random.between(1, 4));
  const bool is_alone = random.chance(25);
  c.plan = letters_plan(is_alone ? loop : loop + "; any " + letter_set(random, 40),
                        random.between(6, 30));
  add_number(c.plan, "v");
  cep::Rule& rule = c.plan.rules[0];
  add_reach(c.plan, random);
  if (random.chance(70)) add_having(c.plan, random);
  if (random.chance(25)) rule.selection.kind = cep::SelectionKind::kSkipPastLast;
  if (random.chance(30)) {
    rule.suppression.once = cep::OncePerDuration{cep::Duration{1000 * random.between(1, 9)}};
    if (!is_alone && random.chance(60)) {
      rule.suppression.for_each.push_back(field_read(*find_field(c.plan, {kLetter}, "v")));
    }
  }
  for (const cep::Aggregate aggregate :
       {cep::Aggregate::kCount, cep::Aggregate::kSum, cep::Aggregate::kDistinct}) {
    rule.message.push_back({" ", aggregate_of_loop(c.plan, aggregate, "i")});
  }
  c.shown = random_letters(random, 10 + random.below(40), 3);
  std::vector<oracle::Event> events = letters_events(c.shown);
  const unsigned late_chance = random.pick({0U, 0U, 5U, 30U});
  for (oracle::Event& event : events) {
    const std::int64_t value = random.between(0, 4);
    event.fields.push_back(
        cep::OwnedValue(value > 0 ? cep::Value::integer(value) : cep::Value::missing()));
    c.shown += fmt::format(" {}", value);
  }
  c.events = place_late(c.plan, std::move(events), late_chance, random, c.shown);
  return c;
}
}  // namespace

TEST_CASE("engine: gives the oracle's alerts for busy keys of loops that reach for a time") {
  const BusyCounts counts = compare_busy_keys(3000, random_case);
  CHECK(3 * counts.alerting > counts.cases);
  CHECK(counts.busy > counts.cases);
}

TEST_CASE("engine: budgets of busy keys of loops that reach for a time drop the same in any cut") {
  CHECK(compare_busy_budgets(1000, random_case) > 50);
}
}  // namespace tocsin::tests

// Busy keys (cep/places/places.h): rules of which each condition looks at one event, beside the
// oracle, from the first partial match on, from some on, and with a restore at any event.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/plan/comparison.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/busy_keys.h"
#include "tests/support/letters.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
// A sequence with one loop at most. Steps may be reached in any way, behind absences.
std::string random_sequence(Random& random) {
  const std::size_t steps = 1 + random.below(4);
  const std::size_t loop = random.chance(70) ? random.below(steps) : steps;
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < steps; ++i) {
    if (i > 0 && random.chance(25)) parts.push_back("no " + letter_set(random, 40));
    std::string step =
        random.pick({"any ", "any ", "any ", "first ", "next "}) + letter_set(random, 40);
    if (i == loop) {
      const std::int64_t min = random.between(1, 3);
      const std::int64_t max = random.between(std::max<std::int64_t>(min, 2), min + 3);
      step += random.chance(60) ? fmt::format("{{{},}}", min) : fmt::format("{{{},{}}}", min, max);
      if (step.ends_with(",}") && random.chance(20)) step += " until " + letter_set(random, 40);
    }
    parts.push_back(std::move(step));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

// A sequence with several loops, each step reached by `then`; often of steps that take the same
// events, where many matches are equally long.
std::string random_loops(Random& random) {
  const std::size_t steps = 2 + random.below(4);
  const bool are_alike = random.chance(40);
  const std::string common = letter_set(random, 40);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < steps; ++i) {
    std::string step = "any " + (are_alike && random.chance(80) ? common : letter_set(random, 40));
    if (random.chance(70)) step += fmt::format("{{{},}}", random.between(1, 3));
    parts.push_back(std::move(step));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

// A sequence with one loop, which some letters end, or which is greedy.
std::string random_special(Random& random) {
  const std::size_t steps = 1 + random.below(4);
  const std::size_t loop = random.below(steps);
  const bool is_greedy = random.chance(35);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < steps; ++i) {
    if (i > 0 && random.chance(15)) parts.push_back("no " + letter_set(random, 40));
    std::string step =
        random.pick({"any ", "any ", "any ", "first ", "next "}) + letter_set(random, 40);
    const std::int64_t min = random.between(1, 3);
    if (i == loop && is_greedy) {
      step += random.chance(70) ? fmt::format("{{{},}}greedy", min)
                                : fmt::format("{{{},{}}}greedy", min, min + random.between(1, 2));
    } else if (i == loop) {
      step += fmt::format(
          "{{{},}} until {}", min,
          random.chance(60) ? std::string(1, "abcd"[random.below(4)]) : letter_set(random, 40));
    }
    parts.push_back(std::move(step));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

cep::ExprPtr aggregate_of(const cep::Plan& plan, cep::VarIndex var, cep::Aggregate aggregate,
                          const char* field = "i") {
  auto expr = std::make_shared<cep::Expr>();
  expr->op = cep::Op::kAggregate;
  expr->payload = cep::VariableAggregate{var, aggregate};
  expr->type = type_of(cep::TypeKind::kInt);
  if (aggregate != cep::Aggregate::kCount) {
    expr->args.push_back(field_read(*find_field(plan, {cep::EventTypeIndex(0)}, field)));
  }
  return expr;
}

// Each later element takes an event only with the value `v` of the first event, or of another one
// before it that had to have that.
void ask_for_equals(cep::Plan& plan, Random& random) {
  const auto field = add_number(plan, "v");
  cep::Rule& rule = plan.rules[0];
  std::vector<cep::VarIndex> alike;
  for (cep::Element& element : rule.pattern) {
    if (!alike.empty()) {
      std::vector<cep::ExprPtr> both = {field_read(field),
                                        bound_read(alike[random.below(alike.size())], field)};
      if (random.chance(50)) std::swap(both[0], both[1]);
      element.test()->where =
          all_of({element.test()->where, condition(cep::Op::kEqual, std::move(both))});
    }
    if (element.is_step() && !rule.variables[element.var().value].loop) {
      alike.push_back(element.var());
    }
  }
}

// Two steps, the second with a larger, a smaller or another `v` than the first; between them
// perhaps an absence.
void ask_for_more(cep::Plan& plan, Random& random) {
  const auto field = add_number(plan, "v");
  cep::Element& last = plan.rules[0].pattern.back();
  std::vector<cep::ExprPtr> both = {field_read(field), bound_read(cep::VarIndex(0), field)};
  if (random.chance(30)) {
    both[1] =
        operation(cep::Op::kAdd, both[1]->type, {both[1], int_literal(random.between(-1, 1))});
  }
  if (random.chance(50)) std::swap(both[0], both[1]);
  const cep::Op op = random.pick({cep::Op::kLess, cep::Op::kLessEqual, cep::Op::kGreater,
                                  cep::Op::kGreaterEqual, cep::Op::kNotEqual, cep::Op::kNotEqual});
  last.test()->where = all_of({last.test()->where, condition(op, std::move(both))});
}

// Three steps or four, each of which may compare its `v` with that of one step before: with the
// next but one too, or with one that another step has compared with already, which is no chain.
void ask_for_chain(cep::Plan& plan, Random& random) {
  const auto field = add_number(plan, "v");
  cep::Rule& rule = plan.rules[0];
  const bool is_alike = random.chance(70);
  const bool of_one_letter = random.chance(20);  // then the letters are parts
  const auto name = *find_field(plan, {cep::EventTypeIndex(0)}, "name");
  const bool of_time = random.chance(20);  // how much later they are is compared
  const auto ts = *find_field(plan, {cep::EventTypeIndex(0)}, "ts");
  const auto pick_op = [&] {
    return random.pick(
        {cep::Op::kLess, cep::Op::kLessEqual, cep::Op::kGreater, cep::Op::kGreaterEqual});
  };
  const cep::Op common = pick_op();
  for (std::size_t step = 1; step < rule.pattern.size(); ++step) {
    if (of_one_letter) {
      cep::ExprPtr& where = rule.pattern[step].test()->where;
      where = all_of({where, condition(cep::Op::kEqual,
                                       {field_read(name), bound_read(cep::VarIndex(0), name)})});
    }
    if (random.chance(25)) continue;
    const std::size_t from = random.chance(70) ? step - 1 : random.below(step);
    const cep::Op op = is_alike ? common : pick_op();
    std::vector<cep::ExprPtr> both = {field_read(field), bound_read(cep::VarIndex(from), field)};
    if (!is_alike && random.chance(30)) {
      both[1] =
          operation(cep::Op::kAdd, both[1]->type, {both[1], int_literal(random.between(-1, 1))});
    }
    if (of_time) {
      const cep::Type duration = type_of(cep::TypeKind::kDuration);
      const cep::ExprPtr then = bound_read(cep::VarIndex(from), ts);
      const cep::Duration length{1000 * random.between(0, 12)};
      both = {operation(cep::Op::kSubtract, duration, {field_read(ts), then}),
              literal(duration, cep::Value::duration(length))};
    }
    const bool swaps = random.chance(30);
    if (swaps) std::swap(both[0], both[1]);
    cep::Element& element = rule.pattern[step];
    element.test()->where =
        all_of({element.test()->where, condition(swaps ? mirrored(op) : op, std::move(both))});
  }
}

// A `having` that bounds the sum of a loop's events, perhaps by the last event, beside others.
void bound_sum(cep::Plan& plan, Random& random) {
  cep::Field number;
  number.name = "w";
  number.path = {"w"};
  number.type = type_of(cep::TypeKind::kInt);
  plan.event_types[0].fields.push_back(number);
  cep::Rule& rule = plan.rules[0];
  for (std::size_t i = 0; i < rule.variables.size(); ++i) {
    if (!rule.variables[i].loop) continue;
    const cep::VarIndex var(i);
    const cep::Op op = random.pick(
        {cep::Op::kGreater, cep::Op::kGreaterEqual, cep::Op::kLess, cep::Op::kLessEqual});
    const cep::ExprPtr sum = aggregate_of(plan, var, cep::Aggregate::kSum, "w");
    const cep::ExprPtr bound = random.chance(30)
                                   ? field_read(*find_field(plan, {cep::EventTypeIndex(0)}, "w"))
                                   : int_literal(random.between(-8, 12));
    rule.having = random.chance(50) ? condition(op, {sum, bound}) : condition(op, {bound, sum});
    if (random.chance(20)) {
      const cep::ExprPtr count = aggregate_of(plan, var, cep::Aggregate::kCount);
      rule.having = condition(cep::Op::kAnd,
                              {rule.having, condition(cep::Op::kGreaterEqual,
                                                      {count, int_literal(random.between(1, 4))})});
    }
    return;
  }
}

// A `having` on a loop's events: most of them decide with the longest loop.
void ask_of_loop(cep::Plan& plan, Random& random) {
  cep::Rule& rule = plan.rules[0];
  for (std::size_t i = 0; i < rule.variables.size(); ++i) {
    if (!rule.variables[i].loop) continue;
    const cep::VarIndex var(i);
    const cep::ExprPtr asked =
        random.pick({aggregate_of(plan, var, cep::Aggregate::kCount),
                     aggregate_of(plan, var, cep::Aggregate::kDistinct, "name"),
                     aggregate_of(plan, var, cep::Aggregate::kMax)});
    const cep::Op op = random.chance(85) ? cep::Op::kGreaterEqual : cep::Op::kLess;
    rule.having = condition(op, {asked, int_literal(random.between(1, 6))});
    return;
  }
}

// Single steps that each come by plain `then`.
std::string random_steps(Random& random) {
  std::vector<std::string> parts(3 + random.below(3));
  for (std::string& part : parts) part = "any " + letter_set(random, 40);
  return fmt::format("{}", fmt::join(parts, "; "));
}

// Aggregates of the loops for the alert to show.
void show_loops(cep::Plan& plan) {
  cep::Rule& rule = plan.rules[0];
  for (std::size_t i = 0; i < rule.variables.size(); ++i) {
    if (!rule.variables[i].loop) continue;
    for (const cep::Aggregate aggregate :
         {cep::Aggregate::kCount, cep::Aggregate::kSum, cep::Aggregate::kMin, cep::Aggregate::kMax,
          cep::Aggregate::kDistinct}) {
      rule.message.push_back({" ", nullptr});
      rule.message.push_back({"", aggregate_of(plan, cep::VarIndex(i), aggregate)});
    }
  }
}

void add_gaps(cep::Rule& rule, Random& random) {
  for (std::size_t i = 1; i < rule.pattern.size(); ++i) {
    if (!rule.pattern[i].is_step() || random.chance(40)) continue;
    rule.pattern[i].gap = cep::Duration{1000 * random.between(1, 8)};
  }
}

BusyCase random_special_case(Random& random) {
  BusyCase c;
  c.plan = letters_plan(random_special(random), random.between(4, 40));
  cep::Rule& rule = c.plan.rules[0];
  if (random.chance(25)) add_gaps(rule, random);
  if (random.chance(5)) rule.within.reset();
  if (random.chance(25)) rule.selection.kind = cep::SelectionKind::kSkipPastLast;
  if (random.chance(15)) {
    rule.suppression.once = cep::OncePerDuration{cep::Duration{1000 * random.between(1, 9)}};
  }
  if (random.chance(10)) {
    const auto number = *find_field(c.plan, {cep::EventTypeIndex(0)}, "i");
    rule.having = condition(cep::Op::kGreater, {field_read(number), int_literal(8)});
  }
  show_loops(c.plan);
  c.shown = random_letters(random, 8 + random.below(32), 3);
  c.events = oracle::place_events(c.plan, letters_events(c.shown), {});
  return c;
}

BusyCase random_case(Random& random) {
  BusyCase c;
  const bool asks_for_chain = random.chance(20);
  const bool asks_for_more = !asks_for_chain && random.chance(20);
  std::string pattern = random.chance(70) ? random_sequence(random) : random_loops(random);
  if (asks_for_chain) pattern = random_steps(random);
  if (asks_for_more) {
    pattern = fmt::format("any {}; {}any {}", letter_set(random, 40),
                          random.chance(30) ? "no " + letter_set(random, 40) + "; " : "",
                          letter_set(random, 40));
  }
  c.plan = letters_plan(pattern, random.between(4, 30));
  if (asks_for_more) ask_for_more(c.plan, random);
  if (asks_for_chain) ask_for_chain(c.plan, random);
  const bool asks_for_equals = random.chance(35) && !asks_for_more && !asks_for_chain;
  if (asks_for_equals) ask_for_equals(c.plan, random);
  cep::Rule& rule = c.plan.rules[0];
  if (random.chance(25)) add_gaps(rule, random);
  if (random.chance(20)) rule.within.reset();
  if (random.chance(25)) rule.selection.kind = cep::SelectionKind::kSkipPastLast;
  show_loops(c.plan);
  const bool bounds_sum = random.chance(25);
  if (bounds_sum) {
    bound_sum(c.plan, random);
  } else if (random.chance(25)) {
    ask_of_loop(c.plan, random);
  }
  const std::size_t count = (asks_for_chain ? 12 : 8) + random.below(asks_for_chain ? 60 : 16);
  c.shown = random_letters(random, count, 3);
  std::vector<oracle::Event> events = letters_events(c.shown);
  for (oracle::Event& event : events) {
    if (asks_for_more || asks_for_chain || asks_for_equals) {
      const auto value = static_cast<std::int64_t>(random.below(asks_for_equals ? 3 : 6));
      c.shown += fmt::format(" {}", value);
      event.fields.push_back(
          cep::OwnedValue(value > 0 ? cep::Value::integer(value) : cep::Value::missing()));
    }
    if (bounds_sum) {
      const std::int64_t number = random.between(-4, 5);
      c.shown += fmt::format(" {}", number);
      event.fields.push_back(cep::OwnedValue(cep::Value::integer(number)));
    }
  }
  c.events = oracle::place_events(c.plan, events, {});
  return c;
}
}  // namespace

TEST_CASE("engine: gives the oracle's alerts for busy keys, also behind a restore") {
  const BusyCounts counts = compare_busy_keys(3000, random_case);
  CHECK(3 * counts.alerting > counts.cases);
  CHECK(counts.busy > 2 * counts.cases);
}

TEST_CASE("engine: gives the oracle's alerts for busy keys of loops with `until` or `greedy`") {
  const BusyCounts counts = compare_busy_keys(3000, random_special_case);
  CHECK(3 * counts.alerting > counts.cases);
  CHECK(counts.busy > 2 * counts.cases);
  CHECK(counts.left == 0);
}

TEST_CASE("engine: budgets of busy keys of loops with `until` or `greedy` drop the same") {
  CHECK(compare_busy_budgets(1000, random_special_case) > 100);
}
}  // namespace tocsin::tests

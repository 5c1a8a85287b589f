// Busy keys of rules that the general matcher runs for a clause, such as `once per day`, `for
// each`, `at most`, `except` or `without` (cep/pattern/sequence_matcher.h), beside the oracle.
// Where the clause tells matches apart that end with the same event, partial matches remain.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"
#include "tests/support/busy_keys.h"
#include "tests/support/letters.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"
#include "tests/support/random_feature.h"

namespace tocsin::tests {
namespace {
using cep::ExprPtr;
using cep::Op;

// Steps that are reached in any way, behind absences, with a loop or several.
std::string random_pattern(Random& random) {
  const std::size_t steps = 2 + random.below(3);
  const bool has_loops = random.chance(20);
  const std::size_t loop = random.chance(60) ? random.below(steps) : steps;
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < steps; ++i) {
    if (i > 0 && !has_loops && random.chance(20)) parts.push_back("no " + letter_set(random, 30));
    const std::string how =
        has_loops ? "any " : random.pick({"any ", "any ", "any ", "first ", "next "});
    std::string step = how + letter_set(random, 40);
    const std::int64_t min = random.between(1, 3);
    if (has_loops ? random.chance(70) : i == loop) {
      step += has_loops || random.chance(70) ? fmt::format("{{{},}}", min)
                                             : fmt::format("{{{},{}}}", min, min + 1);
      if (!has_loops && step.ends_with(",}") && random.chance(20)) {
        step += " until " + letter_set(random, 20);
      }
    }
    parts.push_back(std::move(step));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

// Something of the last event, or now and then of an earlier one.
ExprPtr random_read(const cep::Plan& plan, Random& random) {
  const auto name = *find_field(plan, {cep::EventTypeIndex(0)}, "name");
  const auto v = *find_field(plan, {cep::EventTypeIndex(0)}, "v");
  const bool is_first = random.chance(15) && !plan.rules[0].variables[0].loop;
  if (is_first) return bound_read(cep::VarIndex(0), random.chance(50) ? name : v);
  return field_read(random.chance(50) ? name : v);
}

void add_clause(cep::Plan& plan, Random& random) {
  cep::Rule& rule = plan.rules[0];
  const auto v = *find_field(plan, {cep::EventTypeIndex(0)}, "v");
  const auto condition_on_v = [&](const ExprPtr& read) {
    return condition(random.pick({Op::kGreater, Op::kLess, Op::kNotEqual}),
                     {read, int_literal(random.between(0, 4))});
  };
  const auto some_duration = [&] { return cep::Duration{1000 * random.between(1, 12)}; };
  cep::Suppression& suppression = rule.suppression;
  const std::size_t clause = random.below(6);
  if (clause == 0) {
    plan.zones = random_zones();
    suppression.once = cep::OncePerUnit{
        cep::CalendarUnit::kDay,
        literal(type_of(cep::TypeKind::kString), cep::Value::string(random_zone(random)))};
  } else if (clause == 1) {
    suppression.once = cep::OnceWhile{condition_on_v(field_read(v))};
  } else if (clause == 2) {
    suppression.once = cep::OncePerVariable{cep::VarIndex(random.below(rule.variables.size()))};
  } else if (random.chance(60)) {
    suppression.once = cep::OncePerDuration{some_duration()};
  }
  if (clause == 3 || (clause == 0 && random.chance(40))) {
    if (suppression.kind() == cep::Once::kNone) {
      suppression.once = cep::OncePerDuration{some_duration()};
    }
    suppression.for_each.push_back(random_read(plan, random));
  }
  if (clause == 4 || random.chance(20)) {
    suppression.at_most =
        cep::AtMost{static_cast<std::uint32_t>(random.between(1, 3)), some_duration()};
    if (random.chance(30)) suppression.at_most->for_each.push_back(random_read(plan, random));
  }
  if (clause == 5 || random.chance(15)) {
    const bool is_first = random.chance(20) && !rule.variables[0].loop;
    cep::Exception exception;
    exception.reason = "known";
    exception.condition =
        condition_on_v(is_first ? bound_read(cep::VarIndex(0), v) : field_read(v));
    rule.exceptions.push_back(std::move(exception));
  }
}

// What the last step asks of the first one, where both take one event.
void compare_with_first(cep::Plan& plan, Random& random) {
  cep::Rule& rule = plan.rules[0];
  if (rule.variables.front().loop || rule.variables.back().loop) return;
  const auto name = *find_field(plan, {cep::EventTypeIndex(0)}, "name");
  const auto v = *find_field(plan, {cep::EventTypeIndex(0)}, "v");
  const bool is_equality = random.chance(40);
  for (std::size_t i = 1; i < rule.pattern.size(); ++i) {
    const bool is_last = i + 1 == rule.pattern.size();
    if (!is_equality && !is_last) continue;
    ExprPtr& where = rule.pattern[i].test()->where;
    if (is_equality) {
      where = all_of(
          {where, condition(Op::kEqual, {field_read(name), bound_read(cep::VarIndex(0), name)})});
    }
    if (!is_last || (is_equality && random.chance(50))) continue;
    where = all_of({where, condition(random.pick({Op::kGreater, Op::kLessEqual, Op::kNotEqual}),
                                     {field_read(v), bound_read(cep::VarIndex(0), v)})});
    if (random.chance(40)) {
      const ExprPtr sum =
          operation(Op::kAdd, v.second, {field_read(v), bound_read(cep::VarIndex(0), v)});
      where = all_of({where, condition(Op::kLess, {sum, int_literal(random.between(2, 9))})});
    }
  }
}

// Some letters end all partial matches; now and then only by what they took, or after a time.
void add_without(cep::Plan& plan, Random& random) {
  const auto name = *find_field(plan, {cep::EventTypeIndex(0)}, "name");
  const auto v = *find_field(plan, {cep::EventTypeIndex(0)}, "v");
  cep::Rule& rule = plan.rules[0];
  std::vector<ExprPtr> args = {field_read(name)};
  for (const char letter : letter_set(random, 20)) {
    args.push_back(literal(name.second, cep::Value::string(std::string_view(&letter, 1))));
  }
  cep::Without without;
  without.events = {{cep::EventTypeIndex(0), nullptr, "letter"}};
  without.where = condition(Op::kInValues, std::move(args));
  if (random.chance(50)) {
    without.where =
        all_of({without.where, condition(Op::kGreater, {field_read(v), int_literal(2)})});
  }
  if (random.chance(10) && !rule.variables[0].loop) {
    without.where = all_of(
        {without.where, condition(Op::kLess, {field_read(v), bound_read(cep::VarIndex(0), v)})});
  }
  if (random.chance(10)) without.absent_for = cep::Duration{1000 * random.between(2, 12)};
  rule.without = std::move(without);
}

BusyCase random_case(Random& random) {
  BusyCase c;
  c.plan = letters_plan(random_pattern(random), random.between(5, 60));
  add_number(c.plan, "v");
  cep::Rule& rule = c.plan.rules[0];
  if (random.chance(40)) compare_with_first(c.plan, random);
  const bool has_without = random.chance(35);
  if (has_without) add_without(c.plan, random);
  if (!has_without || random.chance(50)) add_clause(c.plan, random);
  // What alerts show decides which variables have places in the nodes of partial matches.
  for (std::size_t i = rule.variables.size(); i-- > 0;) {
    if (rule.variables[i].loop || random.chance(60)) continue;
    rule.message.push_back(
        {" ", bound_read(cep::VarIndex(i), *find_field(c.plan, {cep::EventTypeIndex(0)}, "v"))});
  }
  if (random.chance(25)) rule.selection.kind = cep::SelectionKind::kSkipPastLast;
  if (random.chance(15)) rule.within.reset();
  for (std::size_t i = 1; random.chance(20) && i < rule.pattern.size(); ++i) {
    if (rule.pattern[i].is_step()) {
      rule.pattern[i].gap = cep::Duration{1000 * random.between(2, 12)};
    }
  }
  c.shown = random_letters(random, 10 + random.below(40), 3);
  std::vector<oracle::Event> events = letters_events(c.shown);
  for (oracle::Event& event : events) {
    const std::int64_t value = random.between(0, 5);
    c.shown += fmt::format(" {}", value);
    event.fields.push_back(
        cep::OwnedValue(value > 0 ? cep::Value::integer(value) : cep::Value::missing()));
  }
  c.events = oracle::place_events(c.plan, events, {});
  return c;
}
}  // namespace

TEST_CASE("engine: gives the oracle's alerts for busy keys of rules with clauses") {
  const BusyCounts counts = compare_busy_keys(3000, random_case);
  CHECK(3 * counts.alerting > counts.cases);
  CHECK(counts.busy > counts.cases);
}

TEST_CASE("engine: budgets of busy keys of rules with clauses drop the same in any cut") {
  CHECK(compare_busy_budgets(1000, random_case) > 100);
}
}  // namespace tocsin::tests

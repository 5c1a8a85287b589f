// Busy keys of rules of two steps of which the second asks several things of both events
// (cep/places/compared_places.cpp), beside the oracle, also with limits that are reached.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

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
using cep::ExprPtr;
using cep::Op;
using Field = std::pair<cep::FieldRef, cep::Type>;

struct Fields {
  Field name;
  Field ts;
  Field v;
  Field w;
  Field d;  // a decimal
};

ExprPtr moved(const ExprPtr& number, std::int64_t by) {
  return by == 0 ? number : operation(Op::kAdd, number->type, {number, int_literal(by)});
}

Op random_order(Random& random) {
  return random.pick({Op::kLess, Op::kLessEqual, Op::kGreater, Op::kGreaterEqual, Op::kLess,
                      Op::kLessEqual, Op::kGreater, Op::kGreaterEqual, Op::kEqual});
}

ExprPtr random_comparison(const Fields& fields, Random& random) {
  const Field& field = random.chance(60) ? fields.v : fields.w;
  const Field& other = random.chance(80) ? field : fields.w;
  std::vector<ExprPtr> both = {field_read(field),
                               moved(bound_read(cep::VarIndex(0), other), random.between(-1, 1))};
  if (random.chance(50)) std::swap(both[0], both[1]);
  return condition(random_order(random), std::move(both));
}

ExprPtr calculated(Op op, const ExprPtr& a, const ExprPtr& b) {
  const int scale =
      op == Op::kMultiply ? a->type.scale + b->type.scale : std::max(a->type.scale, b->type.scale);
  return operation(op, scale > 0 ? decimal_of(scale) : type_of(cep::TypeKind::kInt), {a, b});
}

// Adds up numbers of both events.
ExprPtr random_sum(const Fields& fields, std::size_t terms, Random& random) {
  ExprPtr sum;
  for (; terms > 0; --terms) {
    const Field& field = random.pick({fields.v, fields.v, fields.w, fields.d});
    ExprPtr term = random.chance(50) ? field_read(field) : bound_read(cep::VarIndex(0), field);
    if (random.chance(30)) {
      const ExprPtr factor = random.chance(50) ? int_literal(random.between(-3, 3))
                                               : literal(decimal_of(1), cep::Value::decimal(5, 1));
      term = random.chance(50) ? calculated(Op::kMultiply, factor, term)
                               : calculated(Op::kMultiply, term, factor);
    }
    if (random.chance(10)) term = operation(Op::kNegate, term->type, {term});
    sum = sum == nullptr ? term : calculated(random.pick({Op::kAdd, Op::kSubtract}), sum, term);
  }
  return sum;
}
ExprPtr random_sums(const Fields& fields, Random& random) {
  const ExprPtr left = random_sum(fields, 2 + random.below(2), random);
  const auto number = [&] {
    return random.chance(60) ? int_literal(random.between(-4, 9))
                             : random_sum(fields, 1 + random.below(2), random);
  };
  if (random.chance(20)) return condition(Op::kBetween, {left, number(), number()});
  auto call = std::make_shared<cep::Expr>();
  call->op = Op::kCall;
  call->type = left->type;
  call->payload = cep::FunctionCall{cep::Function::kAbs, {}};
  call->args = {left};
  std::vector<ExprPtr> both = {random.chance(30) ? call : left, number()};
  if (random.chance(30)) std::swap(both[0], both[1]);
  return condition(random_order(random), std::move(both));
}

// Something that the second event is asked beside the first one.
ExprPtr random_condition(const Fields& fields, Random& random) {
  const auto first = [&](const Field& field) { return bound_read(cep::VarIndex(0), field); };
  switch (random.below(14)) {
    case 0: {  // a range that rises with the first event's number, or falls
      const ExprPtr v = first(fields.v);
      if (random.chance(70)) {
        return condition(Op::kBetween, {field_read(fields.v), moved(v, -random.between(0, 2)),
                                        moved(v, random.between(0, 2))});
      }
      const ExprPtr less = operation(Op::kSubtract, v->type, {int_literal(6), v});
      return condition(Op::kBetween, {field_read(fields.v), less, moved(less, 2)});
    }
    case 1:  // of the first event's number, around that of the second
      return condition(Op::kBetween, {first(fields.v), field_read(fields.v),
                                      moved(field_read(fields.v), random.between(0, 3))});
    case 2:
      return condition(Op::kNotEqual, {field_read(fields.name), first(fields.name)});
    case 3:
      return condition(Op::kEqual, {field_read(fields.name), first(fields.name)});
    case 4:  // no side is of one event alone
      return condition(random_order(random), {operation(Op::kSubtract, fields.v.second,
                                                        {field_read(fields.v), first(fields.w)}),
                                              int_literal(random.between(-2, 2))});
    case 5: {  // how much later it is
      const cep::Type type = type_of(cep::TypeKind::kDuration);
      const ExprPtr later =
          operation(Op::kSubtract, type, {field_read(fields.ts), first(fields.ts)});
      const auto duration = [&](std::int64_t ms) {
        return literal(type, cep::Value::duration(cep::Duration{1000 * ms}));
      };
      const std::int64_t ms = random.between(-1, 20);
      if (random.chance(30)) {
        return condition(Op::kBetween, {later, duration(ms), duration(ms + random.between(0, 9))});
      }
      std::vector<ExprPtr> both = {later, duration(ms)};
      if (random.chance(30)) std::swap(both[0], both[1]);
      return condition(random_order(random), std::move(both));
    }
    case 6:
      return condition(Op::kOr,
                       {random_comparison(fields, random), random_comparison(fields, random)});
    case 7:
    case 8:
    case 9:
      return random_sums(fields, random);
    default:
      return random_comparison(fields, random);
  }
}

// Some leave 64 bits with others.
cep::Value random_value(const cep::Type& type, std::int64_t most, bool has_large, Random& random) {
  if (random.chance(5)) return cep::Value::missing();
  std::int64_t number = random.between(0, most);
  if (has_large && random.chance(20)) {
    number += random.pick({INT64_MIN / 2, INT64_MIN / 10, INT64_MAX / 2, INT64_MAX / 100});
  }
  return type.kind == cep::TypeKind::kInt ? cep::Value::integer(number)
                                          : cep::Value::decimal(number, type.scale);
}

BusyCase random_pair(Random& random) {
  BusyCase c;
  c.plan = letters_plan(fmt::format("any {}; {}any {}", letter_set(random, 40),
                                    random.chance(20) ? "no " + letter_set(random, 20) + "; " : "",
                                    letter_set(random, 40)),
                        random.between(4, 150));
  const auto field = [&](const char* name) {
    return *find_field(c.plan, {cep::EventTypeIndex(0)}, name);
  };
  for (const char* const name : {"v", "w", "d"}) add_number(c.plan, name);
  c.plan.event_types[0].fields.back().type = decimal_of(2);
  const Fields fields{field("name"), field("ts"), field("v"), field("w"), field("d")};
  cep::Rule& rule = c.plan.rules[0];
  ExprPtr& where = rule.pattern.back().test()->where;
  for (std::size_t more = 1 + random.below(4); more > 0; --more) {
    where = all_of({where, random_condition(fields, random)});
  }
  if (random.chance(20)) rule.pattern.back().gap = cep::Duration{1000 * random.between(1, 30)};
  if (random.chance(20)) rule.within.reset();
  if (random.chance(25)) rule.selection.kind = cep::SelectionKind::kSkipPastLast;
  const std::size_t count = random.chance(20) ? 150 + random.below(100) : 8 + random.below(40);
  const std::int64_t most = random.pick({3, 6, 20, 100});
  const unsigned late_chance = random.pick({0U, 0U, 10U});
  const bool has_large = random.chance(15);
  c.shown = random_letters(random, count, 2);
  std::vector<oracle::Event> events = letters_events(c.shown);
  for (oracle::Event& event : events) {
    for (const Field& number : {fields.v, fields.w, fields.d}) {
      const cep::Value value = random_value(number.second, most, has_large, random);
      event.fields.push_back(cep::OwnedValue(value));
      c.shown += ' ' + to_text(value);
    }
  }
  c.events = place_late(c.plan, std::move(events), late_chance, random, c.shown);
  return c;
}
}  // namespace

TEST_CASE("engine: gives the oracle's alerts for busy keys of pairs of events") {
  const BusyCounts counts = compare_busy_keys(3000, random_pair);
  CHECK(3 * counts.alerting > counts.cases);
  CHECK(counts.busy > 2 * counts.cases);
  CHECK(counts.left == 0);
}

TEST_CASE("engine: budgets of busy keys of pairs of events drop the same in any cut") {
  CHECK(compare_busy_budgets(1000, random_pair) > 100);
}
}  // namespace tocsin::tests

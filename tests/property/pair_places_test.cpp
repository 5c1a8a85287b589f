// Busy keys of rules of two steps of which the second asks several things of both events
// (cep/places/compared_places.cpp), beside the oracle, also with limits that are reached.
#include <doctest/doctest.h>
#include <fmt/format.h>

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
};

ExprPtr moved(const ExprPtr& number, std::int64_t by) {
  return by == 0 ? number : operation(Op::kAdd, number->type, {number, int_literal(by)});
}

Op random_order(Random& random) {
  return random.pick({Op::kLess, Op::kLessEqual, Op::kGreater, Op::kGreaterEqual});
}

ExprPtr random_comparison(const Fields& fields, Random& random) {
  const Field& field = random.chance(60) ? fields.v : fields.w;
  const Field& other = random.chance(80) ? field : fields.w;
  std::vector<ExprPtr> both = {field_read(field),
                               moved(bound_read(cep::VarIndex(0), other), random.between(-1, 1))};
  if (random.chance(50)) std::swap(both[0], both[1]);
  return condition(random_order(random), std::move(both));
}

// Something that the second event is asked beside the first one.
ExprPtr random_condition(const Fields& fields, Random& random) {
  const auto first = [&](const Field& field) { return bound_read(cep::VarIndex(0), field); };
  switch (random.below(10)) {
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
    default:
      return random_comparison(fields, random);
  }
}

BusyCase random_pair(Random& random) {
  BusyCase c;
  c.plan = letters_plan(fmt::format("any {}; {}any {}", letter_set(random, 40),
                                    random.chance(20) ? "no " + letter_set(random, 20) + "; " : "",
                                    letter_set(random, 40)),
                        random.between(4, 150));
  const Fields fields{*find_field(c.plan, {cep::EventTypeIndex(0)}, "name"),
                      *find_field(c.plan, {cep::EventTypeIndex(0)}, "ts"), add_number(c.plan, "v"),
                      add_number(c.plan, "w")};
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
  c.shown = random_letters(random, count, 2);
  std::vector<oracle::Event> events = letters_events(c.shown);
  for (oracle::Event& event : events) {
    for (int field = 0; field < 2; ++field) {
      const std::int64_t value = random.between(0, most);
      const bool is_missing = random.chance(5);
      event.fields.push_back(
          cep::OwnedValue(is_missing ? cep::Value::missing() : cep::Value::integer(value)));
      c.shown += is_missing ? " -" : fmt::format(" {}", value);
    }
  }
  c.events = place_late(c.plan, std::move(events), late_chance, random, c.shown);
  return c;
}
}  // namespace

TEST_CASE("engine: gives the oracle's alerts for busy keys of pairs of events") {
  const BusyCounts counts = compare_busy_keys(3000, random_pair);
  CHECK(2 * counts.alerting > counts.cases);
  CHECK(counts.busy > 2 * counts.cases);
  CHECK(counts.left == 0);
}

TEST_CASE("engine: budgets of busy keys of pairs of events drop the same in any cut") {
  CHECK(compare_busy_budgets(1000, random_pair) > 100);
}
}  // namespace tocsin::tests

// A feature's value as it is kept with a captured event.
#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cep/compile/step_value.h"
#include "cep/record/key_record.h"
#include "tests/support/plan_parts.h"

namespace tocsin::cep {
namespace {
using tests::decimal_of;
using tests::type_of;

TEST_CASE("step values: a value comes back as it was kept") {
  constexpr Int128 kLeast = std::numeric_limits<Int128>::min();
  constexpr Int128 kMost = std::numeric_limits<Int128>::max();
  struct Case {
    Type type;
    Value value;
  };
  Value third = Value::integer(-1);
  third.kind = ValueKind::kFraction;
  third.denominator = 3;
  Type words = type_of(TypeKind::kEnum);
  words.words = std::make_shared<const std::vector<std::string>>(
      std::vector<std::string>{"pos", "ecom", "atm"});
  const std::vector<Case> cases = {
      {type_of(TypeKind::kInt), Value::integer(0)},
      {type_of(TypeKind::kInt), Value::integer(kLeast)},
      {type_of(TypeKind::kInt), Value::integer(kMost)},
      {decimal_of(2), Value::decimal(-150, 2)},
      {type_of(TypeKind::kFraction), third},
      {type_of(TypeKind::kFloat), Value::floating(-0.1)},
      {type_of(TypeKind::kFloat), Value::floating(std::numeric_limits<double>::infinity())},
      {type_of(TypeKind::kString), Value::string("")},
      {type_of(TypeKind::kString), Value::string("a text of more than seven bytes")},
      {type_of(TypeKind::kTime), Value::time({-1})},
      {type_of(TypeKind::kDate), Value::date(20'514)},
      {type_of(TypeKind::kDuration), Value::duration({60'000'000})},
      {type_of(TypeKind::kBool), Value::boolean(true)},
      {words, Value::enumerated(2, "atm")},
  };
  for (const Case& c : cases) {
    const std::string text = step_value_text(c.value);
    INFO(text);
    const Value again = step_value_of(c.type, text);
    CHECK(same_value(again, c.value));
    CHECK(again.kind == c.value.kind);
    CHECK(again.scale == c.value.scale);
  }
}

TEST_CASE("step values: what is none is missing") {
  for (const char* text :
       {"", "B", "B1x", "Bx", "B1/2/3", "B170141183460469231731687303715884105728", "Z1", "E1/0",
        "D1/99", "E", "Ezz", "F", "A1"}) {
    INFO(text);
    CHECK(step_value_of(type_of(TypeKind::kInt), text).is_missing());
  }
  CHECK(step_value_of(type_of(TypeKind::kInt), step_value_text(Value::string("x"))).is_missing());
}
}  // namespace
}  // namespace tocsin::cep

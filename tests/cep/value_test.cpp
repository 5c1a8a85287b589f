#include "cep/value/value.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>

#include "tests/support/printing.h"

namespace tocsin::cep {
namespace {
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr Int128 kHuge = (((Int128{1} << 126) - 1) << 1) + 1;  // the greatest of 128 bits

Value i(Int128 n) { return Value::integer(n); }
Value d(Int128 mantissa, int scale = 2) { return Value::decimal(mantissa, scale); }
Value q(Int128 n, Int128 m) { return Value::fraction(n, m); }
Value f(double x) { return Value::floating(x); }
Value s(const char* text) { return Value::string(text); }
Value hours(std::int64_t n) { return Value::duration({n * 3'600'000'000}); }
Value us(std::int64_t n) { return Value::duration({n}); }
Value at(std::int64_t n) { return Value::time({n}); }
const Value kNone = Value::missing();
const Value kYes = Value::boolean(true);
const Value kNo = Value::boolean(false);
}  // namespace

TEST_CASE("value: fractions are in lowest terms with the sign above") {
  CHECK(q(6, 4) == q(3, 2));
  CHECK(q(-6, -4) == q(3, 2));
  CHECK(q(6, -4) == q(-3, 2));
  CHECK(q(0, -7) == q(0, 1));
  CHECK(q(1, 0).is_missing());
  CHECK(q(-kHuge - 1, 1).is_missing());  // its magnitude leaves the 127 bits of a numerator
  CHECK(q(-kHuge - 1, 2) == q(-(kHuge / 2 + 1), 1));
}

TEST_CASE("value: floats are finite and -0 is 0") {
  CHECK(f(std::nan("")).is_missing());
  CHECK(f(INFINITY).is_missing());
  CHECK(to_text(f(-0.0)) == "0");
}

TEST_CASE("value: comparison is by meaning, whatever the kinds and scales") {
  struct Row {
    Value a, b;
    Ordering ordering;
  };
  const Row rows[] = {
      {i(1), i(2), Ordering::kLess},
      {i(2), d(200), Ordering::kEqual},
      {d(199), i(2), Ordering::kLess},
      {d(1250), d(12'500, 3), Ordering::kEqual},
      {d(-1), d(0), Ordering::kLess},
      {i(kMax), d(kMax, 0), Ordering::kEqual},
      {i(kMax), d(kMax, 9), Ordering::kGreater},
      {i(kMin), d(kMin, 9), Ordering::kLess},
      {q(1, 3), d(33), Ordering::kGreater},
      {q(1, 3), d(34), Ordering::kLess},
      {q(1, 2), d(50), Ordering::kEqual},
      {q(1, 2), i(0), Ordering::kGreater},
      {q(-1, 3), q(-1, 2), Ordering::kGreater},
      {q(-1, 3), q(1, 3), Ordering::kLess},
      {q(kHuge, kHuge - 1), q(kHuge - 1, kHuge - 2), Ordering::kLess},
      {q(-kHuge, kHuge - 1), q(-(kHuge - 1), kHuge - 2), Ordering::kGreater},
      {i(kHuge), d(kHuge, 9), Ordering::kGreater},
      {d(kHuge, 9), d(kHuge, 8), Ordering::kLess},
      {d(-kHuge, 9), d(-kHuge, 8), Ordering::kGreater},
      {d(-kHuge - 1, 1), d(-kHuge - 1, 2), Ordering::kLess},
      {f(0.5), d(50), Ordering::kEqual},
      {f(0.1), d(10), Ordering::kEqual},
      {i(1), f(0.5), Ordering::kGreater},
      {f(-1), q(-1, 2), Ordering::kLess},
      {s("a"), s("b"), Ordering::kLess},
      {s("a"), s("a"), Ordering::kEqual},
      {s("ab"), s("a"), Ordering::kGreater},
      {s("\xc3\xa4"), s("z"), Ordering::kGreater},
      {s(""), s("a"), Ordering::kLess},
      {kNo, kYes, Ordering::kLess},
      {at(1), at(2), Ordering::kLess},
      {hours(1), us(3'600'000'000), Ordering::kEqual},
      {Value::date(1), Value::date(0), Ordering::kGreater},
      {Value::enumerated(0, "pos"), Value::enumerated(1, "atm"), Ordering::kLess},
      {Value::enumerated(0, "pos"), Value::enumerated(3, "pos"), Ordering::kEqual},
      {Value::enumerated(0, "pos"), Value::enumerated(0, "atm"), Ordering::kGreater},
      {kNone, i(1), Ordering::kUnknown},
      {s("a"), kNone, Ordering::kUnknown},
      {kNone, kNone, Ordering::kUnknown},
  };
  for (const Row& row : rows) {
    CAPTURE(row.a);
    CAPTURE(row.b);
    CHECK(compare(row.a, row.b) == row.ordering);
    const Ordering reversed = row.ordering == Ordering::kLess      ? Ordering::kGreater
                              : row.ordering == Ordering::kGreater ? Ordering::kLess
                                                                   : row.ordering;
    CHECK(compare(row.b, row.a) == reversed);
  }
  CHECK(same_value(kNone, kNone));
  CHECK(!same_value(kNone, i(0)));
  CHECK(same_value(i(2), d(200)));
}

TEST_CASE("value: + and - keep the larger scale, and what overflows is missing") {
  struct Row {
    Value a, b, sum, difference;
  };
  const Row rows[] = {
      {i(1), i(2), i(3), i(-1)},
      {d(10), d(20), d(30), d(-10)},
      {d(10), i(1), d(110), d(-90)},
      {d(1, 1), d(1, 3), d(101, 3), d(99, 3)},
      {i(kMax), i(1), kNone, i(kMax - 1)},
      {i(kMin), i(1), i(kMin + 1), kNone},
      {d(kMax), i(0), d(kMax), d(kMax)},
      {i(kMax), d(0), kNone, kNone},
      {i(Int128{kMax} + 1), i(1), i(Int128{kMax} + 2), i(kMax)},
      {i(kHuge), i(1), kNone, i(kHuge - 1)},
      {q(1, 2), q(1, 3), q(5, 6), q(1, 6)},
      {q(1, 2), i(1), q(3, 2), q(-1, 2)},
      {d(25), q(1, 4), q(1, 2), q(0, 1)},
      {q(1, kHuge), q(1, kHuge - 1), kNone, kNone},
      {q(1, kHuge), q(1, kHuge), q(2, kHuge), q(0, 1)},
      {f(0.5), i(1), f(1.5), f(-0.5)},
      {f(0.5), d(25), f(0.75), f(0.25)},
      {f(1.7e308), f(1.7e308), kNone, f(0)},
      {hours(1), us(1), us(3'600'000'001), us(3'599'999'999)},
      {us(kMax), us(1), kNone, us(kMax - 1)},
      {at(5), us(3), at(8), at(2)},
      {at(kEventTimeMax.us), us(1), kNone, at(kEventTimeMax.us - 1)},
      {at(kEventTimeMin.us), us(1), at(kEventTimeMin.us + 1), kNone},
      {kNone, i(1), kNone, kNone},
      {i(1), kNone, kNone, kNone},
  };
  for (const Row& row : rows) {
    CAPTURE(row.a);
    CAPTURE(row.b);
    CHECK(add(row.a, row.b) == row.sum);
    CHECK(subtract(row.a, row.b) == row.difference);
  }
  CHECK(add(us(3), at(5)) == at(8));
  CHECK(subtract(at(5), at(8)) == us(-3));
  CHECK(subtract(at(kEventTimeMax.us), at(kEventTimeMin.us)).is_missing());
  CHECK(to_text(add(d(10), d(20))) == "0.30");
}

TEST_CASE("value: * adds the scales and scales durations, / is an exact fraction") {
  struct Row {
    Value a, b, product, quotient;
  };
  const Row rows[] = {
      {i(6), i(4), i(24), q(3, 2)},
      {d(150), d(200), d(30'000, 4), q(3, 4)},
      {d(150), i(2), d(300), q(3, 4)},
      {i(-6), i(4), i(-24), q(-3, 2)},
      {i(6), i(-4), i(-24), q(-3, 2)},
      {i(1), i(0), i(0), kNone},
      {i(1), d(0), d(0), kNone},
      {i(kMax), i(2), kNone, q(kMax, 2)},
      {i(kMin), i(-1), kNone, q(-Int128{kMin}, 1)},
      {i(Int128{kMax} + 1), i(2), i((Int128{kMax} + 1) * 2), q((Int128{kMax} + 1) / 2, 1)},
      {i(kHuge), i(2), kNone, q(kHuge, 2)},
      {q(2, 3), q(3, 2), q(1, 1), q(4, 9)},
      {q(kHuge, 3), q(3, kHuge), q(1, 1), kNone},
      {q(1, 3), i(3), q(1, 1), q(1, 9)},
      {f(0.5), i(4), f(2), f(0.125)},
      {f(1), f(0), f(0), kNone},
      {f(0), f(0), f(0), kNone},
      {f(1e308), f(10), kNone, f(1e307)},
      {kNone, i(1), kNone, kNone},
  };
  for (const Row& row : rows) {
    CAPTURE(row.a);
    CAPTURE(row.b);
    CHECK(multiply(row.a, row.b) == row.product);
    CHECK(divide(row.a, row.b) == row.quotient);
  }
  CHECK(multiply(hours(1), i(3)) == hours(3));
  CHECK(multiply(i(3), hours(1)) == hours(3));
  CHECK(multiply(us(1), d(50)) == us(0));  // half to even
  CHECK(multiply(us(3), d(50)) == us(2));
  CHECK(multiply(us(1), q(2, 3)) == us(1));
  CHECK(multiply(us(3), f(0.5)) == us(2));
  CHECK(multiply(us(kMax), i(2)).is_missing());
  CHECK(multiply(us(kMax), f(2)).is_missing());
  CHECK(divide(hours(1), hours(4)) == f(0.25));
  CHECK(divide(hours(1), hours(-4)) == f(-0.25));
  CHECK(divide(us(0), us(kMin)) == f(0));
  CHECK(divide(us(1), us(0)).is_missing());
}

TEST_CASE("value: % has the sign of the dividend") {
  CHECK(modulo(i(7), i(3)) == i(1));
  CHECK(modulo(i(-7), i(3)) == i(-1));
  CHECK(modulo(i(7), i(-3)) == i(1));
  CHECK(modulo(i(kMin), i(-1)) == i(0));
  CHECK(modulo(i(7), i(0)).is_missing());
  CHECK(modulo(i(7), kNone).is_missing());
}

TEST_CASE("value: negation") {
  CHECK(negate(i(5)) == i(-5));
  CHECK(negate(d(-5)) == d(5));
  CHECK(negate(q(1, 2)) == q(-1, 2));
  CHECK(negate(f(0.5)) == f(-0.5));
  CHECK(negate(us(5)) == us(-5));
  CHECK(negate(i(kMin)).is_missing());
  CHECK(negate(us(kMin)).is_missing());
  CHECK(negate(kNone).is_missing());
}

TEST_CASE("value: three-valued logic") {
  struct Row {
    Value a, b, both, either;
  };
  const Row rows[] = {{kYes, kYes, kYes, kYes}, {kYes, kNo, kNo, kYes},
                      {kNo, kNo, kNo, kNo},     {kYes, kNone, kNone, kYes},
                      {kNo, kNone, kNo, kNone}, {kNone, kNone, kNone, kNone}};
  for (const Row& row : rows) {
    CAPTURE(row.a);
    CAPTURE(row.b);
    CHECK(logical_and(row.a, row.b) == row.both);
    CHECK(logical_and(row.b, row.a) == row.both);
    CHECK(logical_or(row.a, row.b) == row.either);
    CHECK(logical_or(row.b, row.a) == row.either);
  }
  CHECK(logical_not(kYes) == kNo);
  CHECK(logical_not(kNo) == kYes);
  CHECK(logical_not(kNone).is_missing());
}

TEST_CASE("value: exact numbers become the nearest float") {
  struct Row {
    Value value;
    double real;
  };
  const Row rows[] = {
      {i(3), 3.0},
      {d(10), 0.1},
      {d(-349), -3.49},
      {d(123'456'789'012'345'678, 9), 123456789.012345678},
      {d(kMax, 9), 9223372036.854775807},
      {q(1, 3), 1.0 / 3.0},
      {q(2, 3), 2.0 / 3.0},
      {q(1, kHuge), std::ldexp(1.0, -127)},
      {q(kHuge, 1), std::ldexp(1.0, 127)},
      {q((Int128{1} << 53) + 1, 1), 9007199254740992.0},  // a tie goes to even
      {q((Int128{1} << 54) + 3, 2), 9007199254740994.0},  // 2^53 + 1.5: up
      {i((Int128{1} << 53) + 3), 9007199254740996.0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.value);
    CHECK(to_float(row.value).real == row.real);
  }
  CHECK(to_float(s("1")).is_missing());
  CHECK(to_float(kNone).is_missing());
}

TEST_CASE("value: text for people and for JSON") {
  struct Row {
    Value value;
    const char* text;
    const char* json;
  };
  const Row rows[] = {
      {kNone, "missing", "null"},
      {kYes, "true", "true"},
      {i(kMin), "-9223372036854775808", "-9223372036854775808"},
      {d(100), "1.00", "1.00"},
      {d(-5), "-0.05", "-0.05"},
      {q(1, 3), "0.333333333", "0.333333333"},
      {q(5, 2), "2.500000000", "2.500000000"},
      {q(kHuge, 1), "missing", "null"},
      {f(0.1), "0.1", "0.1"},
      {f(1e300), "1e+300", "1e+300"},
      {f(2), "2", "2"},
      {s("a \"b\"\n"), "a \"b\"\n", "\"a \\\"b\\\"\\n\""},
      {at(1'772'452'860'000'000), "2026-03-02T12:01:00Z", "1772452860000000"},
      {hours(1), "1h", "3600000000"},
      {Value::date(20'819), "2027-01-01", "\"2027-01-01\""},
      {Value::enumerated(1, "ecom"), "ecom", "\"ecom\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.value);
    CHECK(to_text(row.value) == row.text);
    std::string json;
    append_json(json, row.value);
    CHECK(json == row.json);
  }
}

TEST_CASE("value: JSON strings are escaped where RFC 8259 asks for it and nowhere else") {
  std::string out;
  append_json_string(out, std::string_view("\"\\/\b\f\n\r\t\x01\x1f\x00\x7f\xc3\xa4", 14));
  CHECK(out == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\x7f\xc3\xa4\"");
}

TEST_CASE("value: types are equal by contents and shown as declared") {
  const auto words = [](std::vector<std::string> list) {
    Type type;
    type.kind = TypeKind::kEnum;
    type.words = std::make_shared<const std::vector<std::string>>(std::move(list));
    return type;
  };
  Type money;
  money.kind = TypeKind::kDecimal;
  money.scale = 2;
  CHECK(type_name(money) == "decimal(2)");
  CHECK(type_name(words({"pos", "e com", "a\"b"})) == "enum(pos, \"e com\", \"a\\\"b\")");
  CHECK(words({"a", "b"}) == words({"a", "b"}));
  CHECK(!(words({"a", "b"}) == words({"b", "a"})));
  Type other = money;
  other.scale = 3;
  CHECK(!(money == other));
}

TEST_CASE("value: an owned value keeps its text") {
  OwnedValue owned;
  {
    const std::string text = "a text longer than any small-string buffer";
    owned = OwnedValue(Value::string(text));
  }
  const OwnedValue copy = owned;
  CHECK(copy.view().text == "a text longer than any small-string buffer");
  CHECK(OwnedValue().view().is_missing());
}
}  // namespace tocsin::cep

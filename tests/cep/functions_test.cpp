// Every function on its edges.
#include "cep/data/functions.h"
#include "cep/plan/function_name.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "cep/plan/zone.h"
#include "cep/value/similarity.h"
#include "tests/support/oracle_text.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::cep {
namespace {
using tests::decimal_of;
using tests::type_of;

Value money(std::int64_t cents) { return Value::decimal(cents, 2); }
Value text(std::string_view t) { return Value::string(t); }
Value real(double d) { return Value::floating(d); }
Value whole(std::int64_t n) { return Value::integer(n); }

const std::vector<Zone>& zones() {
  static const std::vector<Zone> kZones = {{"Asia/Kolkata", {{kEventTimeMin, 19'800}}},
                                           {"Europe/Berlin",
                                            {{kEventTimeMin, 3600},
                                             {parse_time("2026-03-29T01:00:00Z").value(), 7200},
                                             {parse_time("2026-10-25T01:00:00Z").value(), 3600}}},
                                           {"UTC", {}}};
  return kZones;
}

std::string called(Function function, const Type& type, const std::vector<Value>& args) {
  TextArena texts;
  return to_text(call_function(function, type, args, zones(), texts));
}

TEST_CASE("functions: numbers") {
  struct Row {
    Function function;
    Type type;
    std::vector<Value> args;
    const char* result;
  };
  const Type int_type = type_of(TypeKind::kInt);
  const Type float_type = type_of(TypeKind::kFloat);
  const Value third = Value::fraction(1, 3);
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const Row rows[] = {
      {Function::kAbs, int_type, {whole(-5)}, "5"},
      {Function::kAbs, int_type, {whole(least)}, "missing"},
      {Function::kAbs, decimal_of(2), {money(-150)}, "1.50"},
      {Function::kAbs, float_type, {real(-0.5)}, "0.5"},
      {Function::kAbs, type_of(TypeKind::kDuration), {Value::duration({-60'000'000})}, "1m"},
      {Function::kRound, int_type, {money(250)}, "2"},
      {Function::kRound, int_type, {money(350)}, "4"},
      {Function::kRound, int_type, {money(-250)}, "-2"},
      {Function::kRound, int_type, {whole(7)}, "7"},
      {Function::kRound, int_type, {whole(7), whole(3)}, "7"},
      {Function::kRound, decimal_of(3), {whole(7), whole(3)}, "7.000"},
      {Function::kRound, decimal_of(1), {whole(least), whole(1)}, "missing"},
      {Function::kRound, decimal_of(1), {money(125), whole(1)}, "1.2"},
      {Function::kRound, decimal_of(4), {money(125), whole(4)}, "1.2500"},
      {Function::kRound, decimal_of(3), {third, whole(3)}, "0.333"},
      {Function::kRound,
       decimal_of(9),
       {Value::decimal(9'000'000'000'000'000'000, 0), whole(9)},
       "missing"},
      {Function::kRound, float_type, {real(2.5)}, "2"},
      {Function::kRound, float_type, {real(1.005), whole(2)}, "1"},
      {Function::kFloor, int_type, {money(-1)}, "-1"},
      {Function::kFloor, int_type, {money(199)}, "1"},
      {Function::kCeil, int_type, {money(-199)}, "-1"},
      {Function::kCeil, int_type, {third}, "1"},
      {Function::kCeil, int_type, {money(200)}, "2"},
      {Function::kFloor, float_type, {real(-0.5)}, "-1"},
      {Function::kSqrt, float_type, {real(2)}, "1.4142135623730951"},
      {Function::kSqrt, float_type, {real(-1)}, "missing"},
      {Function::kLn, float_type, {real(0)}, "missing"},
      {Function::kExp, float_type, {real(1000)}, "missing"},
      {Function::kPow, float_type, {real(2), real(-1)}, "0.5"},
      {Function::kMin, decimal_of(2), {money(3), money(1), money(2)}, "0.01"},
      {Function::kMax, type_of(TypeKind::kString), {text("a"), text("b")}, "b"},
      {Function::kMax, int_type, {whole(1), Value::missing()}, "missing"},
  };
  for (const Row& row : rows) {
    CAPTURE(function_name(row.function));
    CAPTURE(row.result);
    CHECK(called(row.function, row.type, row.args) == row.result);
  }
}

TEST_CASE("functions: text by code points") {
  struct Row {
    Function function;
    std::vector<Value> args;
    const char* result;
  };
  const Row rows[] = {
      {Function::kLower, {text("ÅSA Straße")}, "åsa straße"},
      {Function::kUpper, {text("åsa Ωμ")}, "ÅSA ΩΜ"},
      {Function::kLower, {text("ABC-12")}, "abc-12"},
      {Function::kLength, {text("")}, "0"},
      {Function::kLength, {text("a€😀")}, "3"},
      {Function::kSubstring, {text("a€😀b"), whole(2), whole(2)}, "€😀"},
      {Function::kSubstring, {text("abc"), whole(2)}, "bc"},
      {Function::kSubstring, {text("abc"), whole(0), whole(2)}, "a"},
      {Function::kSubstring, {text("abc"), whole(9), whole(2)}, ""},
      {Function::kSubstring, {text("abc"), whole(-9)}, "abc"},
      {Function::kSubstring, {text("abc"), whole(1), whole(-1)}, "missing"},
      {Function::kSubstring,
       {text("abc"), whole(std::numeric_limits<std::int64_t>::max()),
        whole(std::numeric_limits<std::int64_t>::max())},
       ""},
      {Function::kNormalize, {text("Müller")}, "muller"},
      {Function::kNormalize, {text("ＧＩＦＴ ﬁ ①")}, "gift fi 1"},
      {Function::kNormalize, {text("MU\xCC\x88ller")}, "muller"},
      {Function::kNormalize, {text("PLAIN")}, "plain"},
      {Function::kSimilarity, {text("MARTHA"), text("MARHTA")}, "0.9611111111111111"},
      {Function::kSimilarity, {text("DIXON"), text("DICKSONX")}, "0.8133333333333332"},
      {Function::kSimilarity, {text(""), text("")}, "1"},
      {Function::kSimilarity, {text("a"), text("")}, "0"},
      {Function::kSimilarity, {text("abc"), text("xyz")}, "0"},
  };
  for (const Row& row : rows) {
    CAPTURE(function_name(row.function));
    CAPTURE(row.result);
    CHECK(called(row.function, type_of(TypeKind::kString), row.args) == row.result);
  }
  const std::string longest(kSimilarityLengthMax, 'a');
  const std::string longer = longest + "a";
  CHECK(called(Function::kSimilarity, {}, {text(longest), text(longest)}) == "1");
  CHECK(called(Function::kSimilarity, {}, {text(longer), text(longest)}) == "missing");
}

TEST_CASE("functions: similarity is as it is defined, of long texts too") {
  CHECK(jaro_winkler("abc", "bca") == oracle::similarity("abc", "bca"));  // three have moved
  tests::for_all_seeds("SIMILARITY", 300, [](tests::Random& random) {
    const std::size_t letters = 1 + random.below(30);
    const std::size_t most = random.pick({5U, 30U, 80U, 300U});
    const auto any_text = [&] {
      std::string out;
      for (std::size_t left = random.below(most + 1); left > 0; --left) {
        const std::size_t letter = random.below(letters);
        out += letter < 26 ? std::string(1, static_cast<char>('a' + letter)) : "\u00e9";
      }
      return out;
    };
    const std::string a = any_text();
    std::string b = random.chance(50) ? any_text() : a;
    if (letters <= 26 && random.chance(50)) std::ranges::reverse(b);
    CAPTURE(a);
    CAPTURE(b);
    REQUIRE(jaro_winkler(a, b) == oracle::similarity(a, b));
  });
}

TEST_CASE("functions: the hour, weekday and day of a zone") {
  struct Row {
    const char* time;
    const char* zone;
    const char* hour;
    const char* weekday;
    const char* date;
  };
  constexpr Row kRows[] = {
      {"2026-03-29T00:59:59Z", "Europe/Berlin", "1", "7", "2026-03-29"},
      {"2026-03-29T01:00:00Z", "Europe/Berlin", "3", "7", "2026-03-29"},
      {"2026-11-20T23:30:00Z", "Europe/Berlin", "0", "6", "2026-11-21"},
      {"2026-11-20T23:30:00Z", "UTC", "23", "5", "2026-11-20"},
      {"2026-11-20T18:30:00Z", "Asia/Kolkata", "0", "6", "2026-11-21"},
      {"1969-12-28T23:59:59.999999Z", "UTC", "23", "7", "1969-12-28"},
      {"2026-11-20T18:30:00Z", "Asia/Calcutta", "missing", "missing", "missing"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.time);
    CAPTURE(row.zone);
    const std::vector<Value> args = {Value::time(parse_time(row.time).value()), text(row.zone)};
    CHECK(called(Function::kHour, {}, args) == row.hour);
    CHECK(called(Function::kWeekday, {}, args) == row.weekday);
    CHECK(called(Function::kDate, {}, args) == row.date);
  }
}

TEST_CASE("functions: addresses and networks") {
  struct Row {
    const char* address;
    const char* network;
    const char* result;
  };
  constexpr Row kRows[] = {
      {"10.1.2.3", "10.0.0.0/8", "true"},
      {"11.1.2.3", "10.0.0.0/8", "false"},
      {"10.1.2.3", "10.9.9.9/8", "true"},  // bits behind the prefix
      {"10.1.2.3", "10.1.2.3", "true"},
      {"10.1.2.3", "0.0.0.0/0", "true"},
      {"192.168.1.130", "192.168.1.128/25", "true"},
      {"192.168.1.127", "192.168.1.128/25", "false"},
      {"::ffff:10.1.2.3", "10.0.0.0/8", "true"},
      {"2001:db8::1", "2001:db8::/32", "true"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1/128", "true"},
      {"2001:db9::1", "2001:db8::/32", "false"},
      {"2001:db8::1", "10.0.0.0/8", "false"},
      {"::1", "::/127", "true"},
      {"fe80::1:2", "fe80::/10", "true"},
      {"10.1.2", "10.0.0.0/8", "missing"},
      {"10.1.2.256", "10.0.0.0/8", "missing"},
      {"10.1.2.03", "10.0.0.0/8", "missing"},
      {"1:2:3:4:5:6:7", "10.0.0.0/8", "missing"},
      {"1:2:3:4:5:6:7:8:9", "::/0", "missing"},
      {"1::2::3", "::/0", "missing"},
      {"", "::/0", "missing"},
      {"10.1.2.3", "10.0.0.0/33", "missing"},
      {"10.1.2.3", "10.0.0.0/", "missing"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.address);
    CAPTURE(row.network);
    CHECK(called(Function::kIpIn, {}, {text(row.address), text(row.network)}) == row.result);
  }
}

TEST_CASE("functions: distances want places on the globe") {
  const auto distance = [](double a, double b, double c, double d) {
    return called(Function::kDistanceKm, {}, {real(a), real(b), real(c), real(d)});
  };
  CHECK(distance(0, 0, 0, 0) == "0");
  CHECK(distance(91, 0, 0, 0) == "missing");
  CHECK(distance(0, 361, 0, 0) == "missing");
  CHECK(distance(0, 350, 0, -10) == "0");
}
}  // namespace
}  // namespace tocsin::cep

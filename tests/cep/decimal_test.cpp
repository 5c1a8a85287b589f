#include "cep/value/decimal.h"

#include <doctest/doctest.h>

#include <limits>

namespace tocsin::cep {
namespace {
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
}  // namespace

TEST_CASE("decimal: a JSON number's text becomes an exact mantissa") {
  struct Row {
    const char* text;
    int scale;
    std::int64_t mantissa;
  };
  constexpr Row kRows[] = {
      {"12.50", 2, 1250},
      {"-3", 2, -300},
      {"1.50e1", 2, 1500},
      {"1.5e+1", 0, 15},
      {"150E-1", 0, 15},
      {"0", 2, 0},
      {"-0", 2, 0},
      {"-0.00", 0, 0},
      {"0e999999999999999999999", 2, 0},
      {"0.10", 2, 10},
      {"0.1", 9, 100'000'000},
      {"1.2300000000000000000000000", 2, 123},
      {"10000000000000000000000e-20", 2, 10'000},
      {"0.000000000000000000001e21", 0, 1},
      {"9223372036854775807", 0, kMax},
      {"-9223372036854775808", 0, kMin},
      {"92233720368547758.07", 2, kMax},
      {"-92233720368547758.08", 2, kMin},
      {"9.223372036854775807e18", 0, kMax},
      {"9223372036.854775807", 9, kMax},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(parse_decimal(row.text, row.scale) == row.mantissa);
  }
}

TEST_CASE("decimal: digits beyond the scale, overflow and what is no JSON number are refused") {
  struct Row {
    const char* text;
    int scale;
  };
  constexpr Row kRows[] = {{"1.005", 2},
                           {"1e-3", 2},
                           {"0.5", 0},
                           {"9223372036854775808", 0},
                           {"-9223372036854775809", 0},
                           {"92233720368547758.08", 2},
                           {"1e19", 0},
                           {"1e400", 2},
                           {"1e99999999999999999999", 2},
                           {"1e-99999999999999999999", 2},
                           {"", 2},
                           {"-", 2},
                           {".5", 2},
                           {"1.", 2},
                           {"01", 2},
                           {"+1", 2},
                           {"1e", 2},
                           {"1e+", 2},
                           {" 1", 2},
                           {"1 ", 2},
                           {"1,5", 2},
                           {"0x1", 2},
                           {"NaN", 2},
                           {"true", 2},
                           {"\"1\"", 2},
                           {"1_0", 2},
                           {"--1", 2}};
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(!parse_decimal(row.text, row.scale).has_value());
  }
  CHECK(!parse_decimal("1" + std::string(1'000'000, '0'), 2).has_value());
  CHECK(parse_decimal("1." + std::string(1'000'000, '0'), 2) == 100);
}

TEST_CASE("decimal: written with exactly its scale and read back") {
  struct Row {
    std::int64_t mantissa;
    int scale;
    const char* text;
  };
  constexpr Row kRows[] = {{349, 2, "3.49"},
                           {-5, 2, "-0.05"},
                           {0, 2, "0.00"},
                           {0, 0, "0"},
                           {-7, 0, "-7"},
                           {100, 2, "1.00"},
                           {1, 9, "0.000000001"},
                           {kMax, 0, "9223372036854775807"},
                           {kMin, 2, "-92233720368547758.08"}};
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(format_decimal(row.mantissa, row.scale) == row.text);
    CHECK(parse_decimal(row.text, row.scale) == row.mantissa);
  }
  const Int128 least = Int128{1} << 126;
  CHECK(format_decimal(-least - least, 2) == "-1701411834604692317316873037158841057.28");
}

TEST_CASE("decimal: division rounds half to even at the scale asked for") {
  struct Row {
    std::int64_t numerator, denominator;
    int scale;
    std::int64_t mantissa;
  };
  constexpr Row kRows[] = {
      {1, 3, 2, 33},     {2, 3, 2, 67},    {1, 2, 0, 0},           {3, 2, 0, 2},
      {5, 2, 0, 2},      {-1, 2, 0, 0},    {-3, 2, 0, -2},         {1, 8, 2, 12},
      {3, 8, 2, 38},     {-1, 8, 2, -12},  {25, 10, 0, 2},         {26, 10, 0, 3},
      {0, 7, 9, 0},      {10, 1, 2, 1000}, {1, 3, 9, 333'333'333}, {kMax, kMax, 9, 1'000'000'000},
      {kMin, 1, 0, kMin}};
  for (const Row& row : kRows) {
    CAPTURE(row.numerator);
    CAPTURE(row.denominator);
    const std::optional<Int128> mantissa =
        divide_half_even(row.numerator, row.denominator, row.scale);
    REQUIRE(mantissa.has_value());
    CHECK(*mantissa == row.mantissa);
  }
  // Numerator and denominator of 127 bits: ten times the rest does not fit 128.
  const Int128 big = (((Int128{1} << 126) - 1) << 1) + 1;
  const std::optional<Int128> third = divide_half_even(big / 3, big, 9);
  REQUIRE(third.has_value());
  CHECK(*third == 333'333'333);
  CHECK(!divide_half_even(big, 1, 1).has_value());
  const std::optional<Int128> all = divide_half_even(big, 1, 0);
  REQUIRE(all.has_value());
  CHECK(*all == big);
}
}  // namespace tocsin::cep

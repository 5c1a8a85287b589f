#include "runtime/decode/json_text.h"

#include <doctest/doctest.h>

#include <string>

#include "cep/value/decimal.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
TEST_CASE("json text: eight digits at once are the number they make") {
  CHECK(eight_digits("00000000") == 0);
  CHECK(eight_digits("12345678") == 12345678);
  CHECK(eight_digits("99999999") == 99999999);
  for (std::size_t at = 0; at < 8; ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string text = "12345678";
      text[at] = static_cast<char>(static_cast<unsigned char>(c));
      const bool is_digit = c >= '0' && c <= '9';
      const std::int64_t expected = is_digit ? std::stoll(text) : -1;
      if (eight_digits(text.c_str()) != expected) FAIL("character ", c, " at ", at);
    }
  }
}

TEST_CASE("json text: the quick reader of numbers agrees with the exact one") {
  tests::for_all_seeds("runtime", 20'000, [](tests::Random& random) {
    std::string token = random.chance(30) ? "-" : "";
    const auto digits = [&](std::size_t count) {
      for (; count > 0; --count) token += static_cast<char>('0' + random.below(10));
    };
    digits(random.below(21));
    if (random.chance(50)) {
      token += '.';
      digits(random.below(12));
      if (random.chance(40)) token += std::string(random.below(6), '0');
    }
    if (random.chance(20))
      token += random.pick({"e", "e1", "E-2", "e+3", "x", ".", "-", " ", "e20"});
    const int scale = static_cast<int>(random.below(cep::kScaleMax + 1));
    CAPTURE(token);
    CAPTURE(scale);
    REQUIRE(fixed_point(token, scale) == cep::parse_decimal(token, scale));
    std::int64_t quick = 0;
    const std::string padded = token + std::string(kReadAhead, random.pick({'0', '.', '"', 'x'}));
    const auto of_padded = std::string_view(padded).substr(0, token.size());
    if (!token.empty() && fixed_point_by_words(of_padded, scale, quick)) {
      CHECK(quick == cep::parse_decimal(token, scale));
    }
    // What is exact at some scale is a number; a number is exact at some scale or too long.
    if (fixed_point(token, scale)) CHECK(is_number(token));
    CHECK(is_number(token) == floating_point(token).has_value());
    // Rounded down: exact where it is a whole number, else less than one below.
    const std::optional<std::int64_t> down = rounded_down(token, scale);
    if (const auto exact = fixed_point(token, scale)) CHECK(down == exact);
    if (down) CHECK(is_number(token));
  });
}

TEST_CASE("json text: numbers are rounded down at any shift") {
  struct Row {
    const char* token;
    int shift;
    std::optional<std::int64_t> wanted;
  };
  const Row rows[] = {
      {"1772452800123456789", -3, 1'772'452'800'123'456},
      {"1772452800123456999", -3, 1'772'452'800'123'456},
      {"-1", -3, -1},
      {"-1000", -3, -1},
      {"-1001", -3, -2},
      {"999", -3, 0},
      {"1772452800.1234567", 6, 1'772'452'800'123'456},
      {"-0.0000001", 6, -1},
      {"0", 6, 0},
      {"-0", 6, 0},
      {"1.7724528e9", 6, 1'772'452'800'000'000},
      {"17724528e2", 3, 1'772'452'800'000},
      {"12345e-2", 0, 123},
      {"12345e-9", 0, 0},
      {"-12345e-9", 0, -1},
      {"9223372036854775807", 0, INT64_MAX},
      {"-9223372036854775808", 0, INT64_MIN},
      {"9223372036854775808", 0, std::nullopt},
      {"9223372036854775807", 3, std::nullopt},
      {"1e400", -3, std::nullopt},
      {"0e400", 6, 0},
      {"1e-400", 6, 0},
      {"01", 0, std::nullopt},
      {"1.", 0, std::nullopt},
      {"x", 0, std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.token);
    CAPTURE(row.shift);
    CHECK(rounded_down(row.token, row.shift) == row.wanted);
  }
}
}  // namespace tocsin::runtime

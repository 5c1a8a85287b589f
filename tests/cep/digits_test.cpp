// Digits of numbers and copies of few bytes, of every length.
#include "cep/base/digits.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include "cep/base/short_copy.h"

namespace tocsin::tests {
namespace {
using namespace cep;

std::string digits_of(std::uint64_t number) {
  std::array<char, 20> room{};
  char* const end = room.data() + room.size();
  return {put_digits_before(end, number), end};
}
}  // namespace

TEST_CASE("digits: numbers of every length are those of the standard library") {
  for (std::uint64_t number = 0; number < 200'000; ++number) {
    REQUIRE(digits_of(number) == std::to_string(number));
  }
  std::uint64_t power = 1;
  for (int digits = 1; digits <= 20; ++digits) {
    for (std::uint64_t first = 1; first <= 9; ++first) {
      for (const std::uint64_t number : {first * power - 1, first * power, first * power + 1}) {
        REQUIRE(digits_of(number) == std::to_string(number));
      }
    }
    power *= 10;
  }
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  CHECK(digits_of(kMost) == std::to_string(kMost));
}

TEST_CASE("digits: each of eight digits may be any") {
  for (std::uint64_t part = 0; part < 10'000; ++part) {
    for (const std::uint64_t number : {part, part * 10'000, part * 10'000 + 9'999 - part}) {
      std::string eight(8, ' ');
      put_eight_digits(eight.data(), number);
      REQUIRE(std::stoull(eight) == number);
      REQUIRE(eight.find_first_not_of("0123456789") == std::string::npos);
    }
  }
}

TEST_CASE("short copy: every length is copied, and nothing beside it") {
  const std::string text = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    std::string to(text.size() + 2, '.');
    copy_short(to.data() + 1, text.data(), size);
    CHECK(to == "." + text.substr(0, size) + std::string(text.size() + 1 - size, '.'));
  }
}
}  // namespace tocsin::tests

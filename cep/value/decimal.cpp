#include "cep/value/decimal.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "cep/base/assert.h"
#include "cep/base/digits.h"
#include "cep/value/number_text.h"

namespace tocsin::cep {
namespace {
__extension__ typedef unsigned __int128 UInt128;
constexpr UInt128 kInt128Max = ~UInt128{0} >> 1;

UInt128 magnitude(Int128 n) {
  return n < 0 ? UInt128{0} - static_cast<UInt128>(n) : static_cast<UInt128>(n);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes the digits at the front of `text`.
std::string_view take_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto count = static_cast<std::size_t>(end - text.begin());
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}
}  // namespace

std::int64_t power_of_ten(int n) {
  constexpr auto kPowers = [] {
    std::array<std::int64_t, 19> powers{};
    powers[0] = 1;
    for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
    return powers;
  }();
  TOCSIN_ASSERT(n >= 0 && n <= 18, "scales and their sums stay within 18");
  return kPowers[static_cast<std::size_t>(n)];
}

std::optional<std::int64_t> parse_decimal(std::string_view text, int scale) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::string_view whole = take_digits(text);
  if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return std::nullopt;
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
    if (fraction.empty()) return std::nullopt;
  }
  std::int64_t exponent = 0;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    const bool down = text.starts_with('-');
    if (down || text.starts_with('+')) text.remove_prefix(1);
    const std::string_view digits = take_digits(text);
    if (digits.empty()) return std::nullopt;
    // Beyond any text's length: a larger exponent changes nothing more.
    constexpr std::int64_t kExponentMax = 1'000'000'000'000'000;
    for (const char c : digits) exponent = std::min(exponent * 10 + (c - '0'), kExponentMax);
    if (down) exponent = -exponent;
  }
  if (!text.empty()) return std::nullopt;

  // The number is `significant` times ten to `exponent`, its first and last digit not zero.
  const auto digit_at = [&](std::size_t i) {
    return i < whole.size() ? whole[i] : fraction[i - whole.size()];
  };
  std::size_t begin = 0;
  std::size_t end = whole.size() + fraction.size();
  exponent -= static_cast<std::int64_t>(fraction.size());
  while (begin < end && digit_at(begin) == '0') ++begin;
  while (begin < end && digit_at(end - 1) == '0') {
    --end;
    ++exponent;
  }
  if (begin == end) return 0;
  const std::int64_t zeros = exponent + scale;
  if (zeros < 0 || zeros > 18 || end - begin > 19) return std::nullopt;
  Int128 mantissa = 0;
  for (std::size_t i = begin; i < end; ++i) mantissa = mantissa * 10 + (digit_at(i) - '0');
  mantissa *= power_of_ten(static_cast<int>(zeros));  // below 10^37: within 128 bits
  if (negative) mantissa = -mantissa;
  if (mantissa < std::numeric_limits<std::int64_t>::min() ||
      mantissa > std::numeric_limits<std::int64_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(mantissa);
}

std::string format_decimal(Int128 mantissa, int scale) {
  return std::string(DecimalText(mantissa, scale).view());
}

DecimalText::DecimalText(Int128 mantissa, int scale) {
  TOCSIN_ASSERT(scale >= 0 && scale <= 60, "there is room for all digits");
  char* const end = bytes_.data() + bytes_.size();
  UInt128 rest = magnitude(mantissa);
  char* at = end;
  const auto put = [&at](std::uint64_t number, std::ptrdiff_t least_digits) {
    char* const begin = at - least_digits;
    at = put_digits_before(at, number);
    while (at > begin) *--at = '0';
  };
  constexpr int kDigitsOfPart = 18;
  if ((rest >> 64) == 0 && scale == 0) {
    at = put_digits_before(at, static_cast<std::uint64_t>(rest));
  } else if ((rest >> 64) == 0 && scale == 2) {  // as most amounts are
    const auto number = static_cast<std::uint64_t>(rest);
    at -= 2;
    put_two_digits(at, number % 100);
    *--at = '.';
    at = put_digits_before(at, number / 100);
  } else if ((rest >> 64) == 0 && scale <= kDigitsOfPart) {
    const auto number = static_cast<std::uint64_t>(rest);
    const auto one = static_cast<std::uint64_t>(power_of_ten(scale));
    put(number % one, scale);
    *--at = '.';
    put(number / one, 1);
  } else {
    while ((rest >> 64) != 0) {
      const auto part = static_cast<std::uint64_t>(power_of_ten(kDigitsOfPart));
      put(static_cast<std::uint64_t>(rest % part), kDigitsOfPart);
      rest /= part;
    }
    put(static_cast<std::uint64_t>(rest), 1);
    if (scale > 0) {
      while (at > end - scale - 1) *--at = '0';
      const auto whole = static_cast<std::size_t>(end - scale - at);
      std::memmove(at - 1, at, whole);
      --at;
      *(at + whole) = '.';
    }
  }
  if (mantissa < 0) *--at = '-';
  begin_ = at;
}

std::optional<Int128> divide_half_even(Int128 numerator, Int128 denominator, int scale) {
  TOCSIN_ASSERT(denominator > 0, "denominators are kept positive");
  const UInt128 divisor = magnitude(denominator);
  UInt128 quotient = magnitude(numerator) / divisor;
  UInt128 rest = magnitude(numerator) % divisor;
  for (int i = 0; i < scale; ++i) {
    // Ten times the rest by doubling and adding, since it may not fit 128 bits: 2, 4, 5, 10 times.
    const UInt128 once = rest;
    unsigned digit = 0;
    const auto reduce = [&] {
      if (rest < divisor) return;
      rest -= divisor;
      ++digit;
    };
    for (int step = 0; step < 4; ++step) {
      if (step == 2) {
        rest += once;
      } else {
        rest += rest;
        digit += digit;
      }
      reduce();
    }
    if (quotient > (kInt128Max - digit) / 10) return std::nullopt;
    quotient = quotient * 10 + digit;
  }
  const UInt128 twice = rest + rest;
  if (twice > divisor || (twice == divisor && quotient % 2 != 0)) ++quotient;
  if (quotient > kInt128Max) return std::nullopt;
  return numerator < 0 ? -static_cast<Int128>(quotient) : static_cast<Int128>(quotient);
}
}  // namespace tocsin::cep

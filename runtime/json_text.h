/// Tokens of JSON text (RFC 8259) as values: strings and numbers straight from the line, with no
/// float between.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "cep/decimal.h"

namespace tocsin::runtime {
/// Bytes that must be readable after any token given to a function below that says so.
inline constexpr std::size_t kReadAhead = 16;

/// The eight bytes at `text` as a word, the first in the lowest byte.
inline std::uint64_t load_word(const char* text) {
  std::uint64_t word;
  std::memcpy(&word, text, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}
/// Marks (high bit) the bytes of `word` that equal `c`; exact up to and with the lowest mark, and
/// zero only when there is none.
inline std::uint64_t mark_bytes(std::uint64_t word, char c) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const std::uint64_t x = word ^ (kOnes * static_cast<unsigned char>(c));
  return (x - kOnes) & ~x & (kOnes << 7);
}

/// The number that eight digits at `text` make, -1 when one of them is no digit.
inline std::int64_t eight_digits(const char* text) {
  std::uint64_t word = load_word(text);
  constexpr std::uint64_t kZeros = 0x3030303030303030;
  if (((word & 0xf0f0f0f0f0f0f0f0) | (((word + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >> 4)) !=
      0x3333333333333333) {
    return -1;
  }
  // Pairs, then fours, then all eight in one word (Lemire, "Quickly parsing eight digits", 2018).
  word -= kZeros;
  word = (word * 10) + (word >> 8);
  word = (((word & 0x000000ff000000ff) * 0x000f424000000064) +
          (((word >> 16) & 0x000000ff000000ff) * 0x0000271000000001)) >>
         32;
  return static_cast<std::int64_t>(word);
}

/// Reads a number's token ("12.50", "-3", "1.50e1") as the mantissa at `scale`, 0 <= scale <= 9.
/// Digits beyond the scale must be zeros and the mantissa must fit 64 bits, else nothing; also for
/// what is no JSON number.
inline std::optional<std::int64_t> fixed_point(std::string_view token, int scale) {
  // The plain form with few digits here; exponents, longer numbers and mistakes go to the exact
  // reader.
  constexpr std::size_t kPlainBytesMax = 19;
  constexpr std::uint64_t kPowers[] = {1,       10,        100,        1'000,       10'000,
                                       100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};
  const char* at = token.data();
  const char* const end = at + token.size();
  const auto is_digit = [&] { return at != end && static_cast<unsigned char>(*at - '0') <= 9; };
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  const char* const whole = at;
  std::uint64_t mantissa = 0;  // holds any 19 digits
  if (token.size() > kPlainBytesMax) return cep::parse_decimal(token, scale);
  while (end - at >= 8) {
    const std::int64_t eight = eight_digits(at);
    if (eight < 0) break;
    mantissa = mantissa * 100'000'000 + static_cast<std::uint64_t>(eight);
    at += 8;
  }
  while (is_digit()) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at++ - '0');
  const auto whole_digits = at - whole;
  if (whole_digits == 0 || (whole_digits > 1 && *whole == '0')) return std::nullopt;
  std::ptrdiff_t digits = whole_digits;
  std::ptrdiff_t zeros = scale;
  if (at != end && *at == '.') {
    const char* const fraction = ++at;
    while (is_digit()) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at++ - '0');
    digits += at - fraction;
    zeros -= at - fraction;
    if (at == fraction) return std::nullopt;
  }
  if (at != end || zeros < 0 || digits + zeros > 18) return cep::parse_decimal(token, scale);
  mantissa *= kPowers[zeros];
  const auto result = static_cast<std::int64_t>(mantissa);
  return negative ? -result : result;
}
/// Reads a number's token as the nearest float; nothing when it is no JSON number or is not finite.
std::optional<double> floating_point(std::string_view token);
/// True when `text` has the form of a JSON number.
bool is_number(std::string_view text);
/// Writes the characters of a JSON string's inside (between its quotes, as they stand in the line)
/// to `out`, which has room for raw.size() bytes; the result is UTF-8 where `raw` is. Gives their
/// count; nothing for an escape that JSON does not know or a surrogate without its other half.
std::optional<std::size_t> unescape(std::string_view raw, char* out);
}  // namespace tocsin::runtime

/// Tokens of JSON text (RFC 8259) as values: strings and numbers straight from the line, with no
/// float between.
#pragma once
#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "cep/value/decimal.h"

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
/// Marks the lowest bytes of a word, `count` or all.
inline std::uint64_t low_bytes(std::size_t count) {
  return count >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * count)) - 1;
}
/// Marks (high bit) the bytes of `word` that equal `c`; exact up to and with the lowest mark, and
/// zero only when there is none.
inline std::uint64_t mark_bytes(std::uint64_t word, char c) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const std::uint64_t x = word ^ (kOnes * static_cast<unsigned char>(c));
  return (x - kOnes) & ~x & (kOnes << 7);
}

/// False where there is no backslash among these characters; true where there is one, perhaps
/// behind them. Reads kReadAhead bytes from the first on, or up to the last.
inline bool may_have_backslash(const char* text, std::size_t size) {
#ifdef __SSE4_2__
  if (size <= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))) != 0;
  }
#endif
  return std::memchr(text, '\\', size) != nullptr;
}

/// The number that the eight digits of a word make, the first in the lowest byte; -1 when one of
/// them is no digit.
inline std::int64_t eight_digits(std::uint64_t word) {
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
/// The same of eight digits at `text`.
inline std::int64_t eight_digits(const char* text) { return eight_digits(load_word(text)); }

inline constexpr std::int64_t kPowersOfTen[] = {
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

/// As quick_fixed_point(), with words of eight characters: up to 16 digits without a point, or up
/// to 8 characters with one.
[[gnu::always_inline]] inline bool fixed_point_by_words(std::string_view token, int scale,
                                                        std::int64_t& out) {
  constexpr std::uint64_t kZeros = 0x3030303030303030;
  const char* const text = token.data();
  const auto size = static_cast<unsigned>(token.size());
  // The first `count` characters (1 to 8) moved to the end of a word, zeros before them.
  const auto aligned = [&](unsigned count) {
    return load_word(text) << (64 - 8 * count) | (kZeros >> (8 * count - 8)) >> 8;
  };
  if (size - 1 >= 8) {
    const bool is_long = size - 1 >= 16 || size + static_cast<unsigned>(scale) > 18;
    if (is_long || *text == '0') return false;
    const std::int64_t high = eight_digits(aligned(size - 8));
    const std::int64_t low = eight_digits(text + size - 8);
    out = (high * 100'000'000 + low) * kPowersOfTen[scale];
    return (high | low) >= 0;
  }
  std::uint64_t word = aligned(size);
  unsigned whole = size;
  unsigned fraction = 0;
  if (const std::uint64_t point = mark_bytes(word, '.'); point != 0) {
    const auto place = static_cast<unsigned>(std::countr_zero(point)) / 8;
    fraction = 7 - place;
    whole = size - fraction - 1;
    if (fraction == 0 || fraction > static_cast<unsigned>(scale)) return false;
    // What stands before the point moves over it.
    const std::uint64_t before = (std::uint64_t{1} << (8 * place)) - 1;
    word = (word & ~(before << 8 | 0xff)) | (word & before) << 8 | '0';
  }
  if (whole == 0 || (whole > 1 && *text == '0')) return false;
  const std::int64_t mantissa = eight_digits(word);
  out = mantissa * kPowersOfTen[static_cast<unsigned>(scale) - fraction];
  return mantissa >= 0;
}
#ifdef __SSE4_2__
/// As quick_fixed_point(), with all characters at once: up to 16, with a point or without.
[[gnu::always_inline]] inline bool fixed_point_at_once(std::string_view token, int scale,
                                                       std::int64_t& out) {
  alignas(16) static constexpr std::int8_t kToTheEnd[32] = {
      -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
      0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15};
  const auto size = static_cast<unsigned>(token.size());
  if (size - 1 >= 16) return false;
  const auto load = [](const void* at) { return _mm_loadu_si128(static_cast<const __m128i*>(at)); };
  // The digits' values at the end, zeros before them.
  __m128i digits = _mm_sub_epi8(load(token.data()), _mm_set1_epi8('0'));
  digits = _mm_shuffle_epi8(digits, load(kToTheEnd + size));
  unsigned whole = size;
  unsigned zeros = static_cast<unsigned>(scale);
  const __m128i is_point = _mm_cmpeq_epi8(digits, _mm_set1_epi8('.' - '0'));
  if (const auto points = static_cast<unsigned>(_mm_movemask_epi8(is_point)); points != 0) {
    const auto place = static_cast<unsigned>(std::countr_zero(points));
    const unsigned fraction = 15 - place;
    whole = size - fraction - 1;
    if (fraction == 0 || fraction > zeros) return false;
    zeros -= fraction;
    // What stands before the point moves over it.
    const __m128i behind =
        _mm_cmpgt_epi8(load(kToTheEnd + 16), _mm_set1_epi8(static_cast<char>(place)));
    digits = _mm_blendv_epi8(_mm_slli_si128(digits, 1), digits, behind);
  }
  if (whole == 0 || (whole > 1 && token.front() == '0') || size + zeros > 18) return false;
  const __m128i nine = _mm_set1_epi8(9);
  if (_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(digits, nine), nine)) != 0xffff) return false;
  // Pairs, fours, eights.
  digits = _mm_maddubs_epi16(digits, _mm_set1_epi16(10 | 1 << 8));
  digits = _mm_madd_epi16(digits, _mm_set1_epi32(100 | 1 << 16));
  digits = _mm_packus_epi32(digits, digits);
  digits = _mm_madd_epi16(digits, _mm_set1_epi32(10'000 | 1 << 16));
  const auto eights = static_cast<std::uint64_t>(_mm_cvtsi128_si64(digits));
  const std::uint64_t mantissa = (eights & UINT32_MAX) * 100'000'000 + (eights >> 32);
  out = static_cast<std::int64_t>(mantissa) * kPowersOfTen[zeros];
  return true;
}
#endif
/// As fixed_point(), for the commonest numbers and without a branch for each digit, so that numbers
/// of changing length cost no mispredictions. False for all else, right or wrong. Reads kReadAhead
/// bytes.
[[gnu::always_inline]] inline bool quick_fixed_point(std::string_view token, int scale,
                                                     std::int64_t& out) {
#ifdef __SSE4_2__
  return fixed_point_at_once(token, scale, out);
#else
  return fixed_point_by_words(token, scale, out);
#endif
}
/// As fixed_point(), for any number.
std::optional<std::int64_t> any_fixed_point(std::string_view token, int scale);
/// Reads a number's token ("12.50", "-3", "1.50e1") as the mantissa at `scale`, 0 <=
/// scale <= 9. Digits beyond the scale must be zeros and the mantissa must fit 64 bits, else
/// nothing; also for what is no JSON number. Reads kReadAhead bytes.
inline std::optional<std::int64_t> fixed_point(std::string_view token, int scale) {
  std::int64_t number = 0;
  if (quick_fixed_point(token, scale, number)) return number;
  return any_fixed_point(token, scale);
}
/// As fixed_point() with `shift` in place of the scale, -9 <= shift <= 9, rounded down: the largest
/// whole number that is at most the number times ten to `shift`.
std::optional<std::int64_t> rounded_down(std::string_view token, int shift);
/// Reads a number's token as the nearest float; nothing when it is no JSON number or is not finite.
std::optional<double> floating_point(std::string_view token);
/// True when `text` has the form of a JSON number.
bool is_number(std::string_view text);
/// Writes the characters of a JSON string's inside (between its quotes, as they stand in the line)
/// to `out`, which has room for raw.size() bytes; the result is UTF-8 where `raw` is. Gives their
/// count; nothing for an escape that JSON does not know or a surrogate without its other half.
std::optional<std::size_t> unescape(std::string_view raw, char* out);
}  // namespace tocsin::runtime

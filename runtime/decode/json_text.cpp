#include "runtime/decode/json_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>
#include <system_error>

namespace tocsin::runtime {
namespace {
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The four hexadecimal digits at the front of `text`, -1 when they are not there.
int hex_word(std::string_view text) {
  if (text.size() < 4) return -1;
  int word = 0;
  for (const char c : text.substr(0, 4)) {
    int digit = 0;
    if (is_digit(c)) {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = c - 'A' + 10;
    } else {
      return -1;
    }
    word = word * 16 + digit;
  }
  return word;
}

bool is_high_surrogate(int word) { return word >= 0xd800 && word < 0xdc00; }
bool is_low_surrogate(int word) { return word >= 0xdc00 && word < 0xe000; }

// Copies what stands before the first backslash, all where there is none; gives its size.
std::size_t copy_plain(std::string_view raw, char* out) {
  std::size_t at = 0;
#ifdef __SSE4_2__
  // `out` has room for as much as is left of `raw`.
  for (; raw.size() - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(raw.data() + at));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at), bytes);
    const auto found =
        static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
    if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found));
  }
#endif
  const std::size_t end = std::min(raw.find('\\', at), raw.size());
  std::memcpy(out + at, raw.data() + at, end - at);
  return end;
}

// Writes one code point as UTF-8; at most as many bytes as its escape had.
char* put_utf8(char* out, int point) {
  const auto byte = [](int b) { return static_cast<char>(static_cast<unsigned char>(b)); };
  if (point < 0x80) {
    *out++ = byte(point);
  } else if (point < 0x800) {
    *out++ = byte(0xc0 | (point >> 6));
    *out++ = byte(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    *out++ = byte(0xe0 | (point >> 12));
    *out++ = byte(0x80 | ((point >> 6) & 0x3f));
    *out++ = byte(0x80 | (point & 0x3f));
  } else {
    *out++ = byte(0xf0 | (point >> 18));
    *out++ = byte(0x80 | ((point >> 12) & 0x3f));
    *out++ = byte(0x80 | ((point >> 6) & 0x3f));
    *out++ = byte(0x80 | (point & 0x3f));
  }
  return out;
}

// The character that a one-letter escape stands for; 0 where JSON has none.
char simple_escape(char letter) {
  switch (letter) {
    case '"':
    case '\\':
    case '/':
      return letter;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}
}  // namespace

bool is_number(std::string_view text) {
  std::size_t i = 0;
  const auto take_digits = [&] {
    const std::size_t begin = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - begin;
  };
  const auto at = [&](char a, char b) { return i < text.size() && (text[i] == a || text[i] == b); };
  if (at('-', '-')) ++i;
  const std::size_t whole = i;
  const std::size_t whole_digits = take_digits();
  if (whole_digits == 0 || (whole_digits > 1 && text[whole] == '0')) return false;
  if (at('.', '.')) {
    ++i;
    if (take_digits() == 0) return false;
  }
  if (at('e', 'E')) {
    ++i;
    if (at('+', '-')) ++i;
    if (take_digits() == 0) return false;
  }
  return i == text.size();
}

std::optional<std::int64_t> any_fixed_point(std::string_view token, int scale) {
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

std::optional<std::int64_t> rounded_down(std::string_view token, int shift) {
  if (!is_number(token)) return std::nullopt;
  const bool negative = token.front() == '-';
  if (negative) token.remove_prefix(1);
  const std::size_t exponent_at = std::min(token.find_first_of("eE"), token.size());
  std::string digits(token.substr(0, exponent_at));
  // The number is the digits times ten to `exponent`.
  constexpr std::int64_t kExponentMax = 1'000'000'000;
  std::int64_t exponent = shift;
  if (exponent_at < token.size()) {
    std::string_view text = token.substr(exponent_at + 1);
    const bool down = text.front() == '-';
    if (down || text.front() == '+') text.remove_prefix(1);
    std::int64_t written = 0;
    for (const char c : text) written = std::min(written * 10 + (c - '0'), kExponentMax);
    exponent += down ? -written : written;
  }
  if (const std::size_t point = digits.find('.'); point != std::string::npos) {
    exponent -= static_cast<std::int64_t>(digits.size() - point - 1);
    digits.erase(point, 1);
  }
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty()) return 0;
  bool is_cut = false;
  if (exponent < 0) {
    const auto kept = static_cast<std::int64_t>(digits.size()) + exponent;
    const std::size_t end = kept > 0 ? static_cast<std::size_t>(kept) : 0;
    is_cut = digits.find_first_not_of('0', end) != std::string::npos;
    digits.resize(end);
    exponent = 0;
  }
  constexpr std::int64_t kDigitsMax = 19;
  if (static_cast<std::int64_t>(digits.size()) + exponent > kDigitsMax) return std::nullopt;
  cep::Int128 number = 0;
  for (const char c : digits) number = number * 10 + (c - '0');
  for (; exponent > 0; --exponent) number *= 10;
  if (negative) number = -number - (is_cut ? 1 : 0);
  if (number < INT64_MIN || number > INT64_MAX) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::optional<double> floating_point(std::string_view token) {
  if (!is_number(token)) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error == std::errc::result_out_of_range) {
    // Too large or too small: only the first is an error, and only this tells them apart.
    value = std::strtod(std::string(token).c_str(), nullptr);
  }
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::size_t> unescape(std::string_view raw, char* out) {
  char* const begin = out;
  while (!raw.empty()) {
    const std::size_t plain = copy_plain(raw, out);
    out += plain;
    raw.remove_prefix(plain);
    if (raw.empty()) break;
    if (raw.size() < 2) return std::nullopt;
    const char letter = raw[1];
    raw.remove_prefix(2);
    if (letter != 'u') {
      const char c = simple_escape(letter);
      if (c == 0) return std::nullopt;
      *out++ = c;
      continue;
    }
    int point = hex_word(raw);
    if (point < 0 || is_low_surrogate(point)) return std::nullopt;
    raw.remove_prefix(4);
    if (is_high_surrogate(point)) {
      if (!raw.starts_with("\\u")) return std::nullopt;
      const int low = hex_word(raw.substr(2));
      if (!is_low_surrogate(low)) return std::nullopt;
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
      raw.remove_prefix(6);
    }
    out = put_utf8(out, point);
  }
  return static_cast<std::size_t>(out - begin);
}
}  // namespace tocsin::runtime

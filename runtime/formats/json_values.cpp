#include "runtime/formats/json_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "cep/value/number_text.h"
#include "cep/value/time.h"
#include "runtime/decode/base64_text.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kDecimalBytesMax = 512;
constexpr int kDecimalTextScaleMax = 37;  // of what DecimalText has room for
constexpr std::uint32_t kBillion = 1'000'000'000;
// 0000-01-01 and 9999-12-31.
constexpr std::int64_t kDaysMin = -719'528;
constexpr std::int64_t kDaysMax = 2'932'896;

bool is_negative(std::string_view value) {
  return !value.empty() && (static_cast<unsigned char>(value.front()) & 0x80) != 0;
}

// Without the bytes that repeat the sign.
std::string_view trimmed_number(std::string_view value) {
  const char sign = is_negative(value) ? '\xff' : '\0';
  while (value.size() > 1 && value[0] == sign && is_negative(value.substr(1)) == (sign != 0))
    value.remove_prefix(1);
  return value;
}

// The digits of a number's absolute value, without leading zeros; none for 0.
std::string digits_of(std::string_view value) {
  // The absolute value as words of 32 bits, the highest first.
  const bool negative = is_negative(value);
  std::vector<std::uint32_t> words((value.size() + 3) / 4);
  std::uint32_t carry = negative ? 1 : 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::uint32_t raw = static_cast<unsigned char>(value[value.size() - 1 - i]);
    const std::uint32_t byte = (negative ? raw ^ 0xff : raw) + carry;
    carry = byte >> 8;
    words[words.size() - 1 - i / 4] |= (byte & 0xff) << (i % 4 * 8);
  }
  std::string reversed;
  std::size_t first = 0;
  while (first < words.size()) {
    std::uint64_t rest = 0;
    for (std::size_t i = first; i < words.size(); ++i) {
      const std::uint64_t part = rest << 32 | words[i];
      words[i] = static_cast<std::uint32_t>(part / kBillion);
      rest = part % kBillion;
    }
    for (int digit = 0; digit < 9; ++digit, rest /= 10)
      reversed += static_cast<char>('0' + rest % 10);
    while (first < words.size() && words[first] == 0) ++first;
  }
  while (reversed.ends_with('0')) reversed.pop_back();
  return {reversed.rbegin(), reversed.rend()};
}

template <typename Real>
void append_any_real(std::string& to, Real value) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(to), "{}", value);
  } else {
    to += std::isnan(value) ? R"("NaN")" : value > 0 ? R"("Infinity")" : R"("-Infinity")";
  }
}
}  // namespace

Result<void> append_decimal(std::string& to, std::string_view value, int scale) {
  value = trimmed_number(value);
  if (value.size() <= sizeof(__int128) - 1 && scale <= kDecimalTextScaleMax) {
    __int128 number = is_negative(value) ? -1 : 0;
    for (const char byte : value) number = number * 256 + static_cast<unsigned char>(byte);
    to += cep::DecimalText(number, scale).view();
    return {};
  }
  if (value.size() > kDecimalBytesMax)
    return fail(Errc::kLimit, fmt::format("a decimal of {} bytes", value.size()));
  std::string digits = digits_of(value);
  const auto places = static_cast<std::size_t>(scale);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  if (is_negative(value)) to += '-';
  to.append(digits, 0, digits.size() - places);
  if (places == 0) return {};
  to += '.';
  to.append(digits, digits.size() - places);
  return {};
}

void append_real(std::string& to, double value) { append_any_real(to, value); }
void append_real(std::string& to, float value) { append_any_real(to, value); }

void append_integer(std::string& to, std::int64_t value) {
  const fmt::format_int text(value);
  to.append(text.data(), text.size());
}

void append_time(std::string& to, std::int64_t count, std::int64_t unit) {
  // Rounded down.
  const bool is_between = count % unit < 0;
  const std::int64_t seconds = count / unit - (is_between ? 1 : 0);
  const std::int64_t rest = count % unit + (is_between ? unit : 0);
  constexpr std::int64_t kMicros = 1'000'000;
  const std::int64_t micros = unit <= kMicros ? rest * (kMicros / unit) : rest / (unit / kMicros);
  constexpr std::int64_t kDaySeconds = 86'400;
  if (seconds < kDaysMin * kDaySeconds || seconds >= (kDaysMax + 1) * kDaySeconds) {
    append_integer(to, count);
    return;
  }
  to += '"';
  to += cep::TimeText(cep::EventTime{seconds * kMicros + micros}).view();
  to += '"';
}

void append_date(std::string& to, std::int64_t days) {
  if (days < kDaysMin || days > kDaysMax) {
    append_integer(to, days);
    return;
  }
  to += '"';
  to += cep::format_date(days);
  to += '"';
}

void append_bytes(std::string& to, std::string_view bytes) {
  to += '"';
  append_base64(to, bytes);
  to += '"';
}
}  // namespace tocsin::runtime

#include "rules/variation/neighbours.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>

#include "cep/value/decimal.h"

namespace tocsin::rules {
namespace {
constexpr std::int64_t kShares[] = {50, 80, 120, 150};  // percent
constexpr std::int64_t kSteps[] = {-2, -1, 1, 2};
// Up to here a whole number counts something.
constexpr std::int64_t kCountMax = 10;
constexpr std::int64_t kUsOfMs = 1000;

// Percent of a number that is not negative, rounded; the number times 150 has to fit.
std::int64_t share_of(std::int64_t number, std::int64_t percent) {
  return (number * percent + 50) / 100;
}

std::set<std::int64_t> steps_from(std::int64_t number, std::int64_t least) {
  std::set<std::int64_t> near;
  for (const std::int64_t step : kSteps) {
    if (number + step >= least) near.insert(number + step);
  }
  return near;
}

std::set<std::int64_t> shares_of(std::int64_t number) {
  std::set<std::int64_t> near;
  for (const std::int64_t percent : kShares) near.insert(share_of(number, percent));
  near.erase(number);
  return near;
}

// Digits with at most one point between them, `_` left out; nothing for anything else.
struct PlainNumber {
  std::int64_t mantissa = 0;
  int scale = 0;
};
std::optional<PlainNumber> plain_number(std::string_view written) {
  PlainNumber number;
  bool has_point = false;
  for (const char c : written) {
    if (c == '_') continue;
    if (c == '.' && !has_point) {
      has_point = true;
      continue;
    }
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 10'000;
    if (c < '0' || c > '9' || number.mantissa > kMost) return std::nullopt;
    number.mantissa = number.mantissa * 10 + (c - '0');
    if (has_point && ++number.scale > cep::kScaleMax) return std::nullopt;
  }
  if (written.empty()) return std::nullopt;
  return number;
}
}  // namespace

std::vector<std::string> neighbours_of_count(std::int64_t count) {
  std::vector<std::string> texts;
  if (count > std::numeric_limits<std::int64_t>::max() - 2) return texts;
  for (const std::int64_t near : steps_from(count, 1)) texts.push_back(std::to_string(near));
  return texts;
}

std::vector<std::string> neighbours_of_number(std::string_view written) {
  const bool is_negative = written.starts_with('-');
  const std::optional<PlainNumber> number = plain_number(written.substr(is_negative ? 1 : 0));
  if (!number) return {};
  const bool counts = number->scale == 0 && number->mantissa <= kCountMax;
  std::vector<std::string> texts;
  for (const std::int64_t near :
       counts ? steps_from(number->mantissa, 0) : shares_of(number->mantissa)) {
    const std::string text = cep::format_decimal(near, number->scale);
    texts.push_back(is_negative ? "-" + text : text);
  }
  if (is_negative) std::ranges::reverse(texts);
  return texts;
}

std::vector<std::string> neighbours_of_duration(cep::Duration duration) {
  std::vector<std::string> texts;
  if (duration.us <= 0 || duration.us > std::numeric_limits<std::int64_t>::max() / 200) {
    return texts;
  }
  std::set<std::int64_t> near;  // ms
  for (const std::int64_t percent : kShares) {
    const std::int64_t us = share_of(duration.us, percent);
    near.insert(std::max<std::int64_t>(1, (us + kUsOfMs / 2) / kUsOfMs));
  }
  for (const std::int64_t ms : near) {
    if (ms * kUsOfMs == duration.us) continue;
    texts.push_back(cep::format_duration({ms * kUsOfMs}));
  }
  return texts;
}
}  // namespace tocsin::rules

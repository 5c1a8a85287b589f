#include "runtime/series/series_names.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace tocsin::runtime {
namespace {
bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
// The digits that a text begins with.
std::string_view digits_of(std::string_view text) {
  return text.substr(
      0, static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin()));
}
std::string_view without_zeros(std::string_view digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}
}  // namespace

bool comes_before(std::string_view a, std::string_view b) {
  std::string_view left = a;
  std::string_view right = b;
  while (!left.empty() && !right.empty()) {
    if (is_digit(left.front()) && is_digit(right.front())) {
      const std::string_view left_digits = digits_of(left);
      const std::string_view right_digits = digits_of(right);
      const std::string_view x = without_zeros(left_digits);
      const std::string_view y = without_zeros(right_digits);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      left.remove_prefix(left_digits.size());
      right.remove_prefix(right_digits.size());
      continue;
    }
    if (left.front() != right.front()) {
      return static_cast<unsigned char>(left.front()) < static_cast<unsigned char>(right.front());
    }
    left.remove_prefix(1);
    right.remove_prefix(1);
  }
  if (left.empty() != right.empty()) return left.empty();
  return a < b;
}

bool is_passed_over(std::string_view name) {
  constexpr auto kEnds =
      std::to_array<std::string_view>({".tmp", ".part", ".partial", ".filepart", "~"});
  return name.empty() || name.front() == '.' || name.front() == '_' ||
         std::ranges::any_of(kEnds, [&](std::string_view end) { return name.ends_with(end); });
}

bool is_rotated(std::string_view name, std::string_view log) {
  if (!name.starts_with(log)) return false;
  name.remove_prefix(log.size());
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (name.ends_with(packed)) name.remove_suffix(packed.size());
  }
  constexpr std::string_view kBegins = ".-_";
  constexpr std::string_view kLetters = "0123456789TZ:._-";
  return name.size() > 1 && kBegins.find(name.front()) != std::string_view::npos &&
         is_digit(name[1]) && name.find_first_not_of(kLetters) == std::string_view::npos;
}
}  // namespace tocsin::runtime

#include "rules/text/human_text.h"

#include <fmt/format.h>

#include <cmath>

namespace tocsin::rules {
std::string format_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string format_count(std::uint64_t count, std::string_view word) {
  const std::string_view plural = word.ends_with("ch") ? "es" : "s";
  return fmt::format("{} {}{}", format_count(count), word, count == 1 ? "" : plural);
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double amount = static_cast<double>(bytes) / 1000;
  const char* unit = "KB";
  for (const char* larger : {"MB", "GB", "TB"}) {
    // 999.95 and more would be shown as 1000.0 of this unit.
    if (amount < 999.95) break;
    amount /= 1000;
    unit = larger;
  }
  return fmt::format("{:.1f} {}", amount, unit);
}

std::string format_seconds(double seconds) {
  if (seconds < 0.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::uint64_t per_second(std::uint64_t amount, double seconds) {
  if (seconds <= 0) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(amount) / seconds);
}
}  // namespace tocsin::rules

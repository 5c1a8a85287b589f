/// Whole numbers as settings and requests have them.
#pragma once
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace tocsin::api {
/// Decimal digits, a minus sign before them or not, and nothing else; nothing for any other text
/// and for numbers beyond 64 bits.
inline std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}
}  // namespace tocsin::api

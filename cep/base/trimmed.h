/// Texts without what stands around them.
#pragma once
#include <cstddef>
#include <string_view>

namespace tocsin {
/// The text without blanks at its beginning and end: spaces and tabs, or the characters given.
constexpr std::string_view trimmed(std::string_view text, std::string_view blanks = " \t") {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}
}  // namespace tocsin

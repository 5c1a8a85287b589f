#include "runtime/io/numbered_name.h"

#include <fmt/format.h>

#include <charconv>

namespace tocsin::runtime {
std::string numbered_name(std::string_view word, std::uint64_t number, std::string_view end) {
  return fmt::format("{}{:012}{}", word, number, end);
}

std::optional<std::uint64_t> number_of_name(std::string_view name, std::string_view word,
                                            std::string_view end) {
  if (!name.starts_with(word) || !name.ends_with(end) || name.size() <= word.size() + end.size()) {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(word.size(), name.size() - word.size() - end.size());
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || stop != digits.data() + digits.size()) return std::nullopt;
  if (number == 0 || numbered_name(word, number, end) != name) return std::nullopt;
  return number;
}
}  // namespace tocsin::runtime

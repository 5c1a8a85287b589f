/// The steps of a field's path in a JSON line: keys of objects, and places in arrays.
#pragma once
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tocsin::cep {
/// The last place in an array that a path may name.
inline constexpr std::uint32_t kArrayPlaceMax = 65'535;
/// The place that a step after the first means: "[0]" is an array's first element. Nothing where
/// the step is a key.
inline std::optional<std::uint32_t> array_place(std::string_view step) {
  if (step.size() < 3 || step.front() != '[' || step.back() != ']') return std::nullopt;
  const std::string_view digits = step.substr(1, step.size() - 2);
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  std::uint32_t place = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), place);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (place > kArrayPlaceMax) return std::nullopt;
  return place;
}
}  // namespace tocsin::cep

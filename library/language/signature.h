/// The function or aggregate whose arguments somebody is writing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::library {
struct Signature {
  std::string label;  // "substring(t, from, count)"
  std::string doc;
  std::vector<std::string> parameters;  // as the label has them
  std::size_t active = 0;
};
/// Of the innermost call around a byte of a text; nothing outside of calls.
std::optional<Signature> signature_at(std::string_view text, std::uint32_t byte);
}  // namespace tocsin::library

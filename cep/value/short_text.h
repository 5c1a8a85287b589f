/// Short texts as words, so that they are compared and kept without a loop over their bytes.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tocsin::cep {
inline constexpr std::size_t kShortTextMax = 7;

/// A text of at most kShortTextMax bytes as a word: the bytes from the lowest on, zeros, and its
/// size in the highest byte. Equal texts give equal words.
inline std::uint64_t short_text_word(std::string_view text) {
  const std::size_t size = text.size();
  // Overlapping loads instead of a loop.
  const auto load = [&](std::size_t from, auto word) {
    std::memcpy(&word, text.data() + from, sizeof(word));
    return std::uint64_t{word};
  };
  std::uint64_t bytes = 0;
  if (size >= 4) {
    bytes = load(0, std::uint32_t{}) | load(size - 4, std::uint32_t{}) << (8 * (size - 4));
  } else if (size >= 2) {
    bytes = load(0, std::uint16_t{}) | load(size - 2, std::uint16_t{}) << (8 * (size - 2));
  } else if (size == 1) {
    bytes = load(0, std::uint8_t{});
  }
  return std::uint64_t{size} << 56 | bytes;
}
/// The word of a short text; longer ones give a word that no short one gives.
inline std::uint64_t packed_text(std::string_view text) {
  return text.size() > kShortTextMax ? ~std::uint64_t{0} : short_text_word(text);
}
}  // namespace tocsin::cep

/// Reading UTF-8 one code point at a time, whatever the bytes are.
#pragma once
#include <cstddef>
#include <string_view>

namespace tocsin::rules {
struct CodePoint {
  char32_t value = 0xFFFD;  // U+FFFD where the byte is not UTF-8
  std::size_t bytes = 1;    // 1 there
  bool valid = false;
};
/// The code point that begins at byte `at` < text.size(); overlong forms and surrogates are not
/// valid.
CodePoint code_point_at(std::string_view text, std::size_t at);
/// True for a letter outside of ASCII. Good enough to tell a letter of a word from a mark: what is
/// outside the blocks of punctuation and symbols.
bool is_foreign_letter(char32_t c);
}  // namespace tocsin::rules

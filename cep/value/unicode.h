/// Text by code points. All texts are valid UTF-8 (the decoder and the rule loader see to it); a
/// byte that is not stands for itself.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin::cep {
struct CodePoint {
  std::int32_t value = 0;  // -1: the byte is not UTF-8
  std::size_t bytes = 1;
};
/// The code point that begins at byte `at` < text.size().
CodePoint code_point_at(std::string_view text, std::size_t at);
/// The number of code points.
std::size_t length_of(std::string_view text);
/// The byte at which the code point number `number` (from 0) begins; text.size() past the end.
std::size_t byte_of_code_point(std::string_view text, std::size_t number);

/// Each code point in lower (upper) case by its simple mapping; appends to `out`.
void append_lower(std::string& out, std::string_view text);
void append_upper(std::string& out, std::string_view text);
/// NFKD, marks dropped, lower case: "Ｍüller" gives "muller". Appends to `out`.
void append_normalized(std::string& out, std::string_view text);

/// Whether the character before byte `at` (the one that begins there) is a letter or a digit, by
/// Unicode's general categories L* and Nd; false at the text's ends.
bool is_word_before(std::string_view text, std::size_t at);
bool is_word_at(std::string_view text, std::size_t at);
/// The number of bytes of the white-space character (Unicode's White_Space) that begins at byte
/// `at`; 0 where none does.
std::size_t white_space_at(std::string_view text, std::size_t at);
}  // namespace tocsin::cep

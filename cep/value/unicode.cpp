#include "cep/value/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

namespace tocsin::cep {
namespace {
bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

void append_code_point(std::string& out, std::int32_t value) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto size = utf8proc_encode_char(value, bytes.data());
  for (utf8proc_ssize_t i = 0; i < size; ++i) {
    out += static_cast<char>(bytes[static_cast<std::size_t>(i)]);
  }
}

template <typename Map>
void append_mapped(std::string& out, std::string_view text, Map&& map) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    if (point.value < 0) {
      out += text[at];
    } else {
      append_code_point(out, map(point.value));
    }
    at += point.bytes;
  }
}

bool is_letter_or_digit(std::int32_t value) {
  if (value < 0) return false;
  switch (utf8proc_category(value)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
      return true;
    default:
      return false;
  }
}
}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1};
  utf8proc_int32_t value = -1;
  const auto rest = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size() - at, 4));
  const auto size =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at), rest, &value);
  if (size <= 0) return {-1, 1};
  return {value, static_cast<std::size_t>(size)};
}

std::size_t length_of(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, is_continuation));
}

std::size_t byte_of_code_point(std::string_view text, std::size_t number) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (is_continuation(text[at])) continue;
    if (number == 0) break;
    --number;
  }
  return at;
}

void append_lower(std::string& out, std::string_view text) {
  if (is_ascii(text)) {
    for (const char c : text) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return;
  }
  append_mapped(out, text, utf8proc_tolower);
}

void append_upper(std::string& out, std::string_view text) {
  if (is_ascii(text)) {
    for (const char c : text) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return;
  }
  append_mapped(out, text, utf8proc_toupper);
}

void append_normalized(std::string& out, std::string_view text) {
  if (is_ascii(text)) {
    append_lower(out, text);
    return;
  }
  constexpr auto kOptions =
      static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STRIPMARK);
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    at += point.bytes;
    if (point.value < 0) {
      out += text[at - 1];
      continue;
    }
    // The longest decomposition that Unicode has is of 18 code points.
    std::array<utf8proc_int32_t, 32> parts{};
    int last_class = 0;
    const auto count =
        utf8proc_decompose_char(point.value, parts.data(),
                                static_cast<utf8proc_ssize_t>(parts.size()), kOptions, &last_class);
    const auto kept = std::min<utf8proc_ssize_t>(std::max<utf8proc_ssize_t>(count, 0),
                                                 static_cast<utf8proc_ssize_t>(parts.size()));
    for (utf8proc_ssize_t i = 0; i < kept; ++i) {
      append_code_point(out, utf8proc_tolower(parts[static_cast<std::size_t>(i)]));
    }
  }
}

bool is_word_before(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  std::size_t begin = at - 1;
  while (begin > 0 && at - begin < 4 && is_continuation(text[begin])) --begin;
  return is_letter_or_digit(code_point_at(text, begin).value);
}

bool is_word_at(std::string_view text, std::size_t at) {
  return at < text.size() && is_letter_or_digit(code_point_at(text, at).value);
}

std::size_t white_space_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  const CodePoint point = code_point_at(text, at);
  const std::int32_t c = point.value;
  const bool is_space = (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 ||
                        c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
                        c == 0x202F || c == 0x205F || c == 0x3000;
  return is_space ? point.bytes : 0;
}
}  // namespace tocsin::cep

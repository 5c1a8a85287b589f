/// The classes of characters that the lexer tells apart; all of them are ASCII.
#pragma once
#include <string>
#include <string_view>

namespace tocsin::rules {
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool begins_name(char c) { return is_letter(c) || c == '_'; }
constexpr bool in_name(char c) { return begins_name(c) || is_digit(c); }
constexpr bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
constexpr char lowered(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
inline std::string lowered(std::string_view text) {
  std::string small(text);
  for (char& c : small) c = lowered(c);
  return small;
}
}  // namespace tocsin::rules

/// Texts as parts of a URL (RFC 3986, section 2.1).
#pragma once
#include <string>
#include <string_view>

namespace tocsin {
/// The text with every byte as %XX, with upper-case digits, that is neither unreserved (a letter, a
/// digit, or one of -._~) nor in `kept`.
inline std::string percent_encoded(std::string_view text, std::string_view kept = {}) {
  constexpr std::string_view kMarks = "-._~";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char letter : text) {
    const bool is_plain = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
                          (letter >= 'A' && letter <= 'Z') || kMarks.find(letter) != kMarks.npos ||
                          kept.find(letter) != kept.npos;
    if (is_plain) {
      encoded += letter;
    } else {
      const auto byte = static_cast<unsigned char>(letter);
      encoded += '%';
      encoded += kDigits[byte >> 4U];
      encoded += kDigits[byte & 15U];
    }
  }
  return encoded;
}
}  // namespace tocsin

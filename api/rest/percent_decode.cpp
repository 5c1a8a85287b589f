#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "api/rest/router.h"
#include "cep/value/unicode.h"

namespace tocsin::api {
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
  const auto digit_of = [](char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    const char lower = static_cast<char>(letter | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      result += ' ';
    } else if (text[i] != '%') {
      result += text[i];
    } else {
      const int high = i + 1 < text.size() ? digit_of(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? digit_of(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      result += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  for (std::size_t at = 0; at < result.size();) {
    const cep::CodePoint point = cep::code_point_at(result, at);
    if (point.value <= 0) return std::nullopt;
    at += point.bytes;
  }
  return result;
}
}  // namespace tocsin::api

#include "runtime/decode/base64_text.h"

#include <cstddef>
#include <cstdint>

namespace tocsin::runtime {
void append_base64(std::string& to, std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto at = [&](std::size_t i) -> std::uint32_t {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    to += kDigits[group >> 18];
    to += kDigits[group >> 12 & 63];
    to += i + 1 < bytes.size() ? kDigits[group >> 6 & 63] : '=';
    to += i + 2 < bytes.size() ? kDigits[group & 63] : '=';
  }
}
}  // namespace tocsin::runtime

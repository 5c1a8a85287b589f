/// Base64 (RFC 4648, with padding) of bytes.
#pragma once
#include <string>
#include <string_view>

namespace tocsin::runtime {
/// Appends four characters for every three bytes begun.
void append_base64(std::string& to, std::string_view bytes);
}  // namespace tocsin::runtime

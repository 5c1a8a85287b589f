/// Base64url (RFC 4648, section 5) without padding.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::api {
std::string base64url(std::string_view bytes);
/// Nothing for padding, other characters, a length that no bytes have, and bits behind the last
/// byte that are not 0: bytes have one text.
std::optional<std::string> decode_base64url(std::string_view text);
}  // namespace tocsin::api

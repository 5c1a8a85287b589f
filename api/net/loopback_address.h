/// The address that `tocsin receive` listens on: this machine's own, nobody else's.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/base/result.h"

namespace tocsin::api {
struct LoopbackAddress {
  std::string host;        // numeric, without brackets
  std::uint16_t port = 0;  // 0: any free one

  /// `127.0.0.1:8080`, `[::1]:8080`.
  std::string text() const;
};
/// Reads `HOST:PORT`, where HOST is within 127.0.0.0/8, `[::1]` or `localhost` (127.0.0.1). Errors:
/// kInvalidArgument; an address that others could reach is refused by name.
Result<LoopbackAddress> parse_loopback_address(std::string_view text);
}  // namespace tocsin::api

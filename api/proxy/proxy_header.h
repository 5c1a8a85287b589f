/// The PROXY protocol, versions 1 and 2: with which a proxy begins a connection, to say whose it
/// passes on (haproxy.org, proxy-protocol.txt).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/proxy/ip_address.h"

namespace tocsin::api {
/// Reads a header as its bytes come, and none behind it: those are for TLS, or a request.
class ProxyHeaderReader {
 public:
  enum class State : std::uint8_t { kMore, kDone, kBad };
  /// While more is needed: at least one. So many bytes are the header's, whatever they are.
  std::size_t wanted() const { return wanted_; }
  /// Takes bytes that come next, at most wanted().
  State take(std::string_view bytes);
  /// Of one that is done: whose connection it is; nothing where the proxy speaks for itself.
  const std::optional<IpAddress>& client() const { return client_; }

 private:
  State want(std::size_t most);
  State read_line();
  State read_binary();

  std::string in_;
  std::size_t wanted_ = kStartBytes;
  std::optional<IpAddress> client_;
  /// No header of either version has fewer.
  static constexpr std::size_t kStartBytes = 12;
};
}  // namespace tocsin::api

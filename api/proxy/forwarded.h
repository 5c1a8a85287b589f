/// Where a request came from, as proxies write it in its head.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "api/proxy/ip_address.h"

namespace tocsin::api {
/// Whom one proxy had the request from.
struct ForwardedHop {
  enum class Is : std::uint8_t {
    kAddress,
    kUnsaid,  // the proxy hides it, or does not know it
    kUnreadable,
  };
  Is is = Is::kUnsaid;
  std::optional<IpAddress> address = {};  // of kAddress
  bool is_https = false;                  // that it came by HTTPS; only `Forwarded` says so
};
/// The hops of all lines of `Forwarded` (RFC 7239), in the order sent; the nearest proxy's first.
/// Lines that are not written as the RFC says are one hop that is unreadable: where one proxy's
/// words end cannot be known.
std::vector<ForwardedHop> read_forwarded(const std::vector<std::string_view>& lines);
/// The same of `X-Forwarded-For`: addresses, with or without a port, separated by commas.
std::vector<ForwardedHop> read_x_forwarded_for(const std::vector<std::string_view>& lines);
/// Of `X-Forwarded-Proto`: whether each is HTTPS, in the same order.
std::vector<bool> read_x_forwarded_proto(const std::vector<std::string_view>& lines);
}  // namespace tocsin::api

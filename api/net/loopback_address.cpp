#include "api/net/loopback_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

namespace tocsin::api {
namespace {
bool is_ipv4_loopback(const std::string& host) {
  in_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool is_ipv6_loopback(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET6, host.c_str(), &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address);
}
}  // namespace

std::string LoopbackAddress::text() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<LoopbackAddress> parse_loopback_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.find(']', colon) != std::string_view::npos)
    return fail(Errc::kInvalidArgument, fmt::format("HOST:PORT expected: {}", text));
  LoopbackAddress address;
  const std::string_view port_text = text.substr(colon + 1);
  const char* const end = port_text.data() + port_text.size();
  const auto parsed = std::from_chars(port_text.data(), end, address.port);
  if (parsed.ec != std::errc{} || parsed.ptr != end) {
    return fail(Errc::kInvalidArgument,
                fmt::format("the port is not a number from 0 to 65535: {}", port_text));
  }
  std::string host(text.substr(0, colon));
  const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
  if (host == "localhost") host = "127.0.0.1";
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  if (is_bracketed ? !is_ipv6_loopback(host) : !is_ipv4_loopback(host)) {
    return fail(Errc::kInvalidArgument,
                fmt::format("only this machine may be listened on (127.0.0.1, [::1], localhost), "
                            "not {}",
                            text.substr(0, colon)));
  }
  address.host = host;
  return address;
}
}  // namespace tocsin::api

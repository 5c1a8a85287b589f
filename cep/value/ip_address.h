/// IP addresses and networks as text: RFC 4291, RFC 4632.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace tocsin::cep {
/// 16 bytes, most significant first; an IPv4 address a.b.c.d is ::ffff:a.b.c.d.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};
/// The addresses that agree with `address` in the first `bits` bits.
struct IpNetwork {
  IpAddress address;
  int bits = 128;  // IPv4 networks count the 96 bits before the address
  bool contains(const IpAddress& other) const;
};
/// "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"; nothing for anything else (a leading zero in a
/// part of an IPv4 address included).
std::optional<IpAddress> parse_ip_address(std::string_view text);
/// "10.0.0.0/8", "2001:db8::/32", or one address; bits behind the prefix do not matter.
std::optional<IpNetwork> parse_ip_network(std::string_view text);

/// Why a text is no network of a list or of a table's key, and what to write.
struct NetworkProblem {
  std::string what;  // "is no network"
  std::string help;
};
/// A network as reference data has it: as parse_ip_network() reads it, blanks around it left out,
/// and with no bit set behind the prefix.
tl::expected<IpNetwork, NetworkProblem> read_network(std::string_view text);
/// The one text of a network: "10.0.0.0/8", "2001:db8::/32" (RFC 5952), without a prefix length
/// where it is one address. IPv4 networks in IPv6 form are written as IPv4.
std::string network_text(const IpNetwork& network);
}  // namespace tocsin::cep

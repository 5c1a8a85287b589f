/// Addresses of the Internet, and ranges of them.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cep/base/result.h"

struct sockaddr;

namespace tocsin::api {
/// An address of IPv4 or IPv6. One of IPv4 inside IPv6 (::ffff:a.b.c.d) is that of IPv4.
class IpAddress {
 public:
  using Bytes = std::array<std::uint8_t, 16>;
  /// IPv4 as ::ffff:a.b.c.d.
  explicit IpAddress(const Bytes& bytes) : bytes_(bytes) {}
  /// Four bytes, in the order of the network.
  static IpAddress v4(const std::uint8_t* bytes);
  /// Reads `10.1.2.3` or `fd00::1`, without brackets, port and zone; nothing for all else.
  static std::optional<IpAddress> parse(std::string_view text);
  /// Nothing for other families.
  static std::optional<IpAddress> of(const sockaddr& address);

  const Bytes& bytes() const { return bytes_; }
  bool is_v4() const;
  /// As parse() reads it, in its shortest form.
  std::string text() const;
  bool operator==(const IpAddress&) const = default;

 private:
  Bytes bytes_;
};

/// The addresses that begin with the same bits.
class IpRange {
 public:
  /// Reads an address (`10.1.2.3`, `::1`) or a range (`10.0.0.0/8`, `fd00::/8`). Errors:
  /// kInvalidArgument for what is neither.
  static Result<IpRange> parse(std::string_view text);
  bool contains(const IpAddress& address) const;

 private:
  IpRange(const IpAddress& first, unsigned bits) : first_(first), bits_(bits) {}
  IpAddress first_;
  unsigned bits_;  // of 128
};
}  // namespace tocsin::api

/// Which addresses webhooks may be sent to. Asked of each address just before it is connected to,
/// so that no answer of a name server can change between the check and the connection.
#pragma once
#include <string>
#include <vector>

#include "api/proxy/ip_address.h"
#include "cep/base/result.h"

struct sockaddr;

namespace tocsin::api {
/// Threading: immutable.
class AddressPolicy {
 public:
  /// Public addresses, and those in `allowed`: addresses (`10.1.2.3`, `::1`) or ranges
  /// (`10.0.0.0/8`, `fd00::/8`). Errors: kInvalidArgument for what is neither.
  static Result<AddressPolicy> make(const std::vector<std::string>& allowed);
  /// Fails with kDenied, naming the address and the remedy, for one that is private, loopback,
  /// link-local, multicast or otherwise not of the public Internet and is not allowed. IPv4 inside
  /// IPv6 (mapped, NAT64, 6to4) counts as that IPv4 address.
  Result<void> check(const sockaddr& address) const;

 private:
  std::vector<IpRange> allowed_;
};
}  // namespace tocsin::api

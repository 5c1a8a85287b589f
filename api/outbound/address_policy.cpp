#include "api/outbound/address_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
// What is not of the public Internet (IANA's special-purpose registries).
constexpr const char* kRefused4[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4"};
// Of IPv6 only global unicast is public, without these.
constexpr const char* kPublic6 = "2000::/3";
constexpr const char* kRefused6[] = {"2001::/23", "2001:db8::/32", "3fff::/20"};

bool is_in(const IpAddress& address, const char* text) {
  const Result<IpRange> range = IpRange::parse(text);
  TOCSIN_ASSERT(range.has_value(), "the tables hold ranges");
  return range->contains(address);
}
// The IPv4 address that an IPv6 one leads to: NAT64 (RFC 6052), 6to4 (RFC 3056).
IpAddress inner(const IpAddress& address) {
  const std::uint8_t* const bytes = address.bytes().data();
  if (is_in(address, "64:ff9b::/96")) return IpAddress::v4(bytes + 12);
  if (is_in(address, "2002::/16")) return IpAddress::v4(bytes + 2);
  return address;
}
}  // namespace

Result<AddressPolicy> AddressPolicy::make(const std::vector<std::string>& allowed) {
  AddressPolicy policy;
  for (const std::string& text : allowed) {
    const Result<IpRange> range = IpRange::parse(text);
    if (!range) return tl::unexpected(range.error());
    policy.allowed_.push_back(*range);
  }
  return policy;
}

Result<void> AddressPolicy::check(const sockaddr& address) const {
  const std::optional<IpAddress> asked = IpAddress::of(address);
  if (!asked) return fail(Errc::kDenied, "webhooks are sent over IPv4 and IPv6 only");
  if (std::ranges::any_of(allowed_, [&](const IpRange& range) { return range.contains(*asked); }))
    return {};
  const IpAddress reached = inner(*asked);
  const auto is_refused = [&](const char* range) { return is_in(reached, range); };
  const bool is_public =
      reached.is_v4() ? std::ranges::none_of(kRefused4, is_refused)
                      : is_in(reached, kPublic6) && std::ranges::none_of(kRefused6, is_refused);
  if (is_public) return {};
  return fail(Errc::kDenied, fmt::format("the address {} is not of the public Internet: list it in "
                                         "webhooks.allow if webhooks may go there",
                                         asked->text()));
}
}  // namespace tocsin::api

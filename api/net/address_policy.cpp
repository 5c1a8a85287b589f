#include "api/net/address_policy.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
using Bytes = std::array<std::uint8_t, 16>;
constexpr unsigned kMappedBits = 96;
constexpr Bytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};

// What is not of the public Internet (IANA's special-purpose registries).
constexpr const char* kRefused4[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4"};
// Of IPv6 only global unicast is public, without these.
constexpr const char* kPublic6 = "2000::/3";
constexpr const char* kRefused6[] = {"2001::/23", "2001:db8::/32", "3fff::/20"};

Bytes mapped(const std::uint8_t* v4) {
  Bytes bytes = kMapped;
  std::copy_n(v4, 4, bytes.begin() + 12);
  return bytes;
}
bool begins_with(const Bytes& bytes, const Bytes& prefix, unsigned bits) {
  for (unsigned i = 0; i < bits; ++i) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (i % 8));
    if ((bytes[i / 8] & mask) != (prefix[i / 8] & mask)) return false;
  }
  return true;
}
// The IPv4 address that an IPv6 one leads to: NAT64 (RFC 6052), 6to4 (RFC 3056).
Bytes inner(const Bytes& bytes) {
  constexpr Bytes kNat64 = {0, 0x64, 0xff, 0x9b};
  if (begins_with(bytes, kNat64, 96)) return mapped(bytes.data() + 12);
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return mapped(bytes.data() + 2);
  return bytes;
}
}  // namespace

bool AddressPolicy::Range::contains(const Bytes& address) const {
  return begins_with(address, first, bits);
}

Result<AddressPolicy::Range> AddressPolicy::parse(std::string_view text) {
  const auto bad = [&] {
    return fail(Errc::kInvalidArgument,
                fmt::format("neither an address nor a range such as 10.0.0.0/8: {}", text));
  };
  const std::size_t slash = text.find('/');
  const std::string host(text.substr(0, slash));
  Range range;
  in_addr v4{};
  unsigned most = 128;
  unsigned before = 0;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    range.first = mapped(reinterpret_cast<const std::uint8_t*>(&v4));
    most = 32;
    before = kMappedBits;
  } else if (inet_pton(AF_INET6, host.c_str(), range.first.data()) != 1) {
    return bad();
  }
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    const std::string_view count = text.substr(slash + 1);
    const auto parsed = std::from_chars(count.data(), count.data() + count.size(), bits);
    if (count.empty() || parsed.ec != std::errc{} || parsed.ptr != count.data() + count.size() ||
        bits > most) {
      return bad();
    }
  }
  range.bits = before + bits;
  return range;
}

Result<AddressPolicy> AddressPolicy::make(const std::vector<std::string>& allowed) {
  AddressPolicy policy;
  for (const std::string& text : allowed) {
    const Result<Range> range = parse(text);
    if (!range) return tl::unexpected(range.error());
    policy.allowed_.push_back(*range);
  }
  return policy;
}

Result<void> AddressPolicy::check(const sockaddr& address) const {
  Bytes bytes{};
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    bytes = mapped(reinterpret_cast<const std::uint8_t*>(&v4.sin_addr));
  } else if (address.sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  } else {
    return fail(Errc::kDenied, "webhooks are sent over IPv4 and IPv6 only");
  }
  for (const Range& range : allowed_) {
    if (range.contains(bytes)) return {};
  }
  const auto is_in = [](const Bytes& asked, const char* text) {
    const Result<Range> range = parse(text);
    TOCSIN_ASSERT(range.has_value(), "the tables hold ranges");
    return range->contains(asked);
  };
  const Bytes reached = inner(bytes);
  bool is_public = false;
  if (begins_with(reached, kMapped, kMappedBits)) {
    is_public = std::ranges::none_of(kRefused4, [&](auto range) { return is_in(reached, range); });
  } else {
    is_public = is_in(reached, kPublic6) &&
                std::ranges::none_of(kRefused6, [&](auto range) { return is_in(reached, range); });
  }
  if (is_public) return {};
  char shown[INET6_ADDRSTRLEN] = "";
  if (begins_with(bytes, kMapped, kMappedBits)) {
    inet_ntop(AF_INET, bytes.data() + 12, shown, sizeof shown);
  } else {
    inet_ntop(AF_INET6, bytes.data(), shown, sizeof shown);
  }
  return fail(Errc::kDenied, fmt::format("the address {} is not of the public Internet: list it in "
                                         "webhooks.allow if webhooks may go there",
                                         shown));
}
}  // namespace tocsin::api

#include "api/proxy/ip_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace tocsin::api {
namespace {
constexpr unsigned kBits = 128;
constexpr unsigned kMappedBits = 96;
constexpr IpAddress::Bytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};

bool begins_with(const IpAddress::Bytes& bytes, const IpAddress::Bytes& prefix, unsigned bits) {
  for (unsigned i = 0; i < bits; ++i) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (i % 8));
    if ((bytes[i / 8] & mask) != (prefix[i / 8] & mask)) return false;
  }
  return true;
}
}  // namespace

IpAddress IpAddress::v4(const std::uint8_t* bytes) {
  Bytes mapped = kMapped;
  std::copy_n(bytes, 4, mapped.begin() + 12);
  return IpAddress(mapped);
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // What follows a NUL would be passed over.
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  const std::string terminated(text);
  Bytes bytes{};
  if (::inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) return v4(bytes.data());
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return IpAddress(bytes);
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    const auto& found = reinterpret_cast<const sockaddr_in&>(address);
    return v4(reinterpret_cast<const std::uint8_t*>(&found.sin_addr));
  }
  if (address.sa_family != AF_INET6) return std::nullopt;
  Bytes bytes{};
  const auto& found = reinterpret_cast<const sockaddr_in6&>(address);
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&found.sin6_addr), bytes.size(), bytes.begin());
  return IpAddress(bytes);
}

bool IpAddress::is_v4() const { return begins_with(bytes_, kMapped, kMappedBits); }

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool is_short = is_v4();
  const std::uint8_t* const from = bytes_.data() + (is_short ? 12 : 0);
  ::inet_ntop(is_short ? AF_INET : AF_INET6, from, text.data(), text.size());
  return text.data();
}

Result<IpRange> IpRange::parse(std::string_view text) {
  const auto bad = [&] {
    return fail(Errc::kInvalidArgument,
                fmt::format("neither an address nor a range such as 10.0.0.0/8: {}", text));
  };
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const std::optional<IpAddress> first = IpAddress::parse(host);
  if (!first) return bad();
  // Whoever writes an address of IPv4 inside IPv6 counts the bits of IPv6.
  const unsigned before = host.find(':') == std::string_view::npos ? kMappedBits : 0;
  unsigned bits = kBits - before;
  if (slash != std::string_view::npos) {
    const std::string_view count = text.substr(slash + 1);
    const char* const end = count.data() + count.size();
    const auto parsed = std::from_chars(count.data(), end, bits);
    if (parsed.ec != std::errc{} || parsed.ptr != end || bits > kBits - before) return bad();
  }
  return IpRange(*first, before + bits);
}

bool IpRange::contains(const IpAddress& address) const {
  return begins_with(address.bytes(), first_.bytes(), bits_);
}
}  // namespace tocsin::api

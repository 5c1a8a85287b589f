#include "cep/value/ip_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <vector>

#include "cep/base/trimmed.h"

namespace tocsin::cep {
namespace {
// A decimal number of at most `digits` digits without a leading zero.
std::optional<int> parse_number(std::string_view text, std::size_t digits, int most) {
  if (text.empty() || text.size() > digits) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  if (value > most) return std::nullopt;
  return value;
}

// Four decimal parts, into four bytes.
bool parse_quad(std::string_view text, std::uint8_t* out) {
  for (int i = 0; i < 4; ++i) {
    const std::size_t point = text.find('.');
    if ((i < 3) != (point != std::string_view::npos)) return false;
    const std::optional<int> part = parse_number(text.substr(0, point), 3, 255);
    if (!part) return false;
    out[i] = static_cast<std::uint8_t>(*part);
    if (i < 3) text.remove_prefix(point + 1);
  }
  return true;
}

// One to four hexadecimal digits.
std::optional<unsigned> parse_group(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = static_cast<unsigned>((c | 0x20) - 'a') + 10;
    } else {
      return std::nullopt;
    }
    value = value * 16 + digit;
  }
  return value;
}

// Groups with ":" between them, into `out`; the number of bytes, nothing where malformed. The last
// may be an IPv4 address.
std::optional<std::size_t> parse_groups(std::string_view text, std::array<std::uint8_t, 16>& out) {
  std::size_t size = 0;
  if (text.empty()) return size;
  while (true) {
    const std::size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    const bool is_last = colon == std::string_view::npos;
    if (is_last && part.find('.') != std::string_view::npos) {
      if (size + 4 > out.size() || !parse_quad(part, out.data() + size)) return std::nullopt;
      return size + 4;
    }
    const std::optional<unsigned> group = parse_group(part);
    if (!group || size + 2 > out.size()) return std::nullopt;
    out[size++] = static_cast<std::uint8_t>(*group >> 8);
    out[size++] = static_cast<std::uint8_t>(*group & 0xFF);
    if (is_last) return size;
    text.remove_prefix(colon + 1);
  }
}

bool is_ipv4_text(std::string_view text) { return text.find(':') == std::string_view::npos; }

constexpr int kIpv4Bits = 96;         // before the address
constexpr std::size_t kRangeMax = 8;  // networks of a range that are listed

bool is_ipv4(const IpAddress& address) {
  const auto& bytes = address.bytes;
  return std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t b) { return b == 0; }) &&
         bytes[10] == 0xFF && bytes[11] == 0xFF;
}

// The longest run of two or more groups of zeros is left out (RFC 5952).
std::string ipv6_text(const IpAddress& address) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = address.bytes[2 * i] * 256U + address.bytes[2 * i + 1];
  }
  std::size_t gap = groups.size();
  std::size_t gap_size = 1;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::size_t size = 0;
    while (i + size < groups.size() && groups[i + size] == 0) ++size;
    if (size > gap_size) {
      gap = i;
      gap_size = size;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (i == gap) {
      text += "::";
      i += gap_size - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    fmt::format_to(std::back_inserter(text), "{:x}", groups[i]);
  }
  return text;
}

bool has_bit(const IpAddress& address, int bit) {
  return (address.bytes[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0;
}

// Its last address.
IpAddress last_of(IpNetwork network) {
  for (int bit = network.bits; bit < 128; ++bit) {
    auto& byte = network.address.bytes[static_cast<std::size_t>(bit / 8)];
    byte = static_cast<std::uint8_t>(byte | 0x80U >> (bit % 8));
  }
  return network.address;
}

// The networks that have the addresses from `first` to `last` and no others; at most one more than
// kRangeMax of them.
std::vector<IpNetwork> networks_of(IpAddress first, const IpAddress& last) {
  std::vector<IpNetwork> networks;
  while (first.bytes <= last.bytes && networks.size() <= kRangeMax) {
    IpNetwork network{first, 128};
    while (network.bits > 0 && !has_bit(first, network.bits - 1) &&
           last_of({first, network.bits - 1}).bytes <= last.bytes) {
      --network.bits;
    }
    networks.push_back(network);
    first = last_of(network);
    std::size_t byte = first.bytes.size();
    while (byte > 0 && ++first.bytes[--byte] == 0) {
    }
    if (first.bytes == IpAddress{}.bytes) break;  // that was the greatest address
  }
  return networks;
}

// "10.0.0.1-10.0.0.9": what to write for it; empty where the text is no range.
std::string range_help(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return {};
  const auto first = parse_ip_address(trimmed(text.substr(0, dash), " "));
  const auto last = parse_ip_address(trimmed(text.substr(dash + 1), " "));
  if (!first || !last || first->bytes > last->bytes) return {};
  const std::vector<IpNetwork> networks = networks_of(*first, *last);
  if (networks.size() > kRangeMax) return "write a range as the networks that it consists of";
  std::string help = "write a range as networks, each an entry of its own: ";
  for (std::size_t i = 0; i < networks.size(); ++i) {
    help += fmt::format("{}`{}`", i > 0 ? ", " : "", network_text(networks[i]));
  }
  return help;
}
}  // namespace

bool IpNetwork::contains(const IpAddress& other) const {
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  other.bytes.begin())) {
    return false;
  }
  const int rest = bits % 8;
  if (rest == 0) return true;
  const int shift = 8 - rest;
  return address.bytes[whole] >> shift == other.bytes[whole] >> shift;
}

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  IpAddress address;
  if (is_ipv4_text(text)) {
    address.bytes[10] = 0xFF;
    address.bytes[11] = 0xFF;
    if (!parse_quad(text, address.bytes.data() + 12)) return std::nullopt;
    return address;
  }
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    const auto size = parse_groups(text, address.bytes);
    if (size != address.bytes.size()) return std::nullopt;
    return address;
  }
  std::array<std::uint8_t, 16> tail{};
  const std::string_view before = text.substr(0, gap);
  if (before.find('.') != std::string_view::npos) return std::nullopt;
  const auto head_size = parse_groups(before, address.bytes);
  const auto tail_size = parse_groups(text.substr(gap + 2), tail);
  if (!head_size || !tail_size || *head_size + *tail_size > 14) return std::nullopt;
  std::fill(address.bytes.begin() + static_cast<std::ptrdiff_t>(*head_size), address.bytes.end(),
            std::uint8_t{0});
  std::copy(tail.begin(), tail.begin() + static_cast<std::ptrdiff_t>(*tail_size),
            address.bytes.end() - static_cast<std::ptrdiff_t>(*tail_size));
  return address;
}

std::optional<IpNetwork> parse_ip_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view address_text = text.substr(0, slash);
  const std::optional<IpAddress> address = parse_ip_address(address_text);
  if (!address) return std::nullopt;
  IpNetwork network{*address, 128};
  if (slash == std::string_view::npos) return network;
  const bool is_ipv4 = is_ipv4_text(address_text);
  const std::optional<int> bits = parse_number(text.substr(slash + 1), 3, is_ipv4 ? 32 : 128);
  if (!bits) return std::nullopt;
  network.bits = is_ipv4 ? 96 + *bits : *bits;
  return network;
}

tl::expected<IpNetwork, NetworkProblem> read_network(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  text = begin == std::string_view::npos
             ? std::string_view()
             : text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
  const std::optional<IpNetwork> network = parse_ip_network(text);
  if (!network) {
    const std::string help = range_help(text);
    if (!help.empty()) return tl::unexpected(NetworkProblem{"is a range", help});
    return tl::unexpected(NetworkProblem{
        "is no network", "write `10.0.0.0/8`, `2001:db8::/32`, or one address: `192.0.2.1`"});
  }
  IpNetwork masked = *network;
  for (int bit = masked.bits; bit < 128; ++bit) {
    auto& byte = masked.address.bytes[static_cast<std::size_t>(bit / 8)];
    byte = static_cast<std::uint8_t>(byte & ~(0x80U >> (bit % 8)));
  }
  if (!(masked.address == network->address)) {
    return tl::unexpected(
        NetworkProblem{"has bits set behind its prefix",
                       fmt::format("write `{}` for the network, `{}` for the one address",
                                   network_text(masked), network_text({network->address, 128}))});
  }
  return masked;
}

std::string network_text(const IpNetwork& network) {
  if (network.bits < kIpv4Bits || !is_ipv4(network.address)) {
    const std::string text = ipv6_text(network.address);
    return network.bits == 128 ? text : fmt::format("{}/{}", text, network.bits);
  }
  const auto& bytes = network.address.bytes;
  const std::string text = fmt::format("{}.{}.{}.{}", bytes[12], bytes[13], bytes[14], bytes[15]);
  return network.bits == 128 ? text : fmt::format("{}/{}", text, network.bits - kIpv4Bits);
}
}  // namespace tocsin::cep

#include "cep/ip_address.h"

#include <algorithm>
#include <cstddef>

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
}  // namespace tocsin::cep

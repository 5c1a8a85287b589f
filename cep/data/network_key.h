/// Networks as keys of an EntrySet: found by an address, the longest prefix first.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/data/entry_set.h"
#include "cep/value/ip_address.h"

namespace tocsin::cep {
/// The last bytes of a key: 16 of the address, one of the prefix length.
inline constexpr std::size_t kNetworkKeyBytes = 17;

/// Appends the key of a network without bits behind its prefix.
void append_network_key(std::string& to, const IpNetwork& network);
/// The network at the end of a key.
IpNetwork network_of_key(std::string_view key);

/// Calls `accepts(key)` for the keys that begin with `prefix` and could be those of networks with
/// this address, the longest first, until it gives true; says whether it did. Costs by the number
/// of different prefix lengths among the entries (at most 129), not by that of the entries.
template <typename Accepts>
bool find_network(const EntrySet& entries, std::string_view prefix, const IpAddress& address,
                  const Accepts& accepts) {
  std::string key(prefix);
  append_network_key(key, {address, 128});
  const LastBytes lengths = entries.last_bytes();
  int kept = 128;  // bits of the address that `key` still has
  for (std::size_t word = lengths.size(); word-- > 0;) {
    for (std::uint64_t left = lengths[word]; left != 0;) {
      const int top = 63 - std::countl_zero(left);
      left &= ~(std::uint64_t{1} << top);
      const int bits = static_cast<int>(word) * 64 + top;
      if (bits > kept) continue;  // no prefix length
      const auto first = static_cast<std::size_t>(bits / 8);
      const auto end = static_cast<std::size_t>((kept + 7) / 8);
      if (first < end) {  // clear the bits between the two lengths
        char* const bytes = key.data() + prefix.size();
        bytes[first] =
            static_cast<char>(static_cast<unsigned char>(bytes[first]) & (0xFF00U >> (bits % 8)));
        std::fill(bytes + first + 1, bytes + end, '\0');
      }
      kept = bits;
      key.back() = static_cast<char>(bits);
      if (accepts(std::string_view(key))) return true;
    }
  }
  return false;
}
}  // namespace tocsin::cep

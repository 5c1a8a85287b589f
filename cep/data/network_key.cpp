#include "cep/data/network_key.h"

#include <algorithm>

#include "cep/base/assert.h"

namespace tocsin::cep {
void append_network_key(std::string& to, const IpNetwork& network) {
  for (const std::uint8_t byte : network.address.bytes) to += static_cast<char>(byte);
  to += static_cast<char>(network.bits);
}

IpNetwork network_of_key(std::string_view key) {
  TOCSIN_ASSERT(key.size() >= kNetworkKeyBytes, "keys are made by append_network_key()");
  key.remove_prefix(key.size() - kNetworkKeyBytes);
  IpNetwork network;
  std::transform(key.begin(), key.end() - 1, network.address.bytes.begin(),
                 [](char byte) { return static_cast<std::uint8_t>(byte); });
  network.bits = static_cast<unsigned char>(key.back());
  return network;
}
}  // namespace tocsin::cep

/// The keys of stores, for tests.
#pragma once
#include <cstdint>
#include <string>

#include "cep/data/state_entry.h"

namespace tocsin::tests {
/// The store's key, as runtime::parse_store_key() has it.
inline std::string store_key(const cep::StateKey& key) {
  std::string bytes;
  for (const std::uint32_t part : {std::uint32_t{key.table}, key.group.value}) {
    bytes.push_back(static_cast<char>(part >> 8 & 0xff));
    bytes.push_back(static_cast<char>(part & 0xff));
  }
  return bytes.append(key.key);
}
}  // namespace tocsin::tests

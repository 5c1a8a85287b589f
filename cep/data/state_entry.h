/// The engine's state in pieces, one for each key of each table, as a store keeps them.
#pragma once
#include <cstdint>
#include <string_view>

#include "cep/value/key.h"

namespace tocsin::cep {
/// Where a piece belongs. A store's key is table u16, group u16, big endian, then the key bytes.
struct StateKey {
  std::uint16_t table = 0;
  KeyGroup group;
  std::string_view key;
};
/// Takes the changes of a snapshot. Texts are valid during the call.
class StateSink {
 public:
  StateSink() = default;
  StateSink(const StateSink&) = delete;
  StateSink& operator=(const StateSink&) = delete;
  virtual ~StateSink() = default;
  virtual void put(const StateKey& key, std::string_view value) = 0;
  virtual void remove(const StateKey& key) = 0;
  /// All that the snapshot has of the key groups of this shard (16 each, 64 shards) was given.
  virtual void shard_done(std::uint32_t shard) = 0;
};
}  // namespace tocsin::cep

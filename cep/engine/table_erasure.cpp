#include "cep/engine/table_erasure.h"

#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "cep/compile/program.h"
#include "cep/record/key_table.h"
#include "cep/value/shard.h"

namespace tocsin::cep {
namespace {
// The bytes of one part of a key with several (cep/value/key.h).
std::string_view part_of(std::string_view key, std::uint32_t part) {
  constexpr std::size_t kSizeBytes = 4;
  for (;; --part) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < kSizeBytes; ++i) {
      size = size << 8 | static_cast<unsigned char>(key[i]);
    }
    if (part == 0) return key.substr(kSizeBytes, size);
    key.remove_prefix(kSizeBytes + size);
  }
}
}  // namespace

std::uint64_t TableErasure::erase(const KeyPartQuery& part) {
  if (table_.table_.key.parts.size() == 1) {
    const std::uint64_t hash = hash_key(part.bytes, table_.seed_);
    return erase_key(table_.shards_[shard_of_hash(hash)], part.bytes) ? 1 : 0;
  }
  std::uint64_t count = 0;
  std::vector<std::string> keys;
  for (const auto& shard : table_.shards_) {
    keys.clear();
    shard->keys.for_each([&](const KeySlot& slot) {
      const std::string_view key = shard->keys.key(slot);
      if (part_of(key, part.part) == part.bytes) keys.emplace_back(key);
    });
    for (const std::string& key : keys) count += erase_key(*shard, key) ? 1 : 0;
  }
  return count;
}

// Timers that the key had find nothing when they fall due, as those of matches that are over do.
bool TableErasure::erase_key(TableShard& shard, std::string_view key) {
  KeySlot* const slot = shard.keys.find(hash_key(key, table_.seed_), key);
  if (slot == nullptr || slot->record == 0) return false;
  table_.lane_.work_on(shard);
  if (table_.shards_.tracks) table_.lane_.note_change(shard, *slot);
  SharedFeatures& shared = table_.feature_store_.shared();
  table_.store_.prune(*slot, [&](std::byte* record, const OperatorEntry& entry) {
    const OperatorProgram& op = table_.table_.operators[entry.op - 1];
    if (op.kind == OperatorKind::kGroup) {
      const FeatureGroup& group = table_.program_.feature_groups[op.index];
      std::vector<std::uint32_t> places(group.features.size());
      std::iota(places.begin(), places.end(), 0U);
      return shared.forget(group, record, entry, places);
    }
    if (op.kind == OperatorKind::kRing) {
      return shared.is_ring_dead(table_.program_.shared_rings[op.index]);
    }
    table_.release(shard, record, entry);
    return true;
  });
  // What a store has of it is removed by the next cut; until then the slot stays.
  if (slot->record == 0 && !slot->is_stored()) shard.keys.erase(slot);
  return true;
}
}  // namespace tocsin::cep

/// The keys of one key expression: 64 shards of 16 key groups, each group a small open-addressing
/// table of its own, so that growing one moves a 1,024th of the keys. A slot is half a cache line:
/// hash, key, and the reference of the key's record in its shard's arena (cep/key_record.h); rules
/// never widen it. Linear probing, at most 7/8 full; an erased slot is closed by moving its
/// followers back, so that tables shrink to nothing.
///
/// The hash is seeded XXH3 with the key group (cep/key.h, unseeded, part of the format) in its low
/// ten bits; whole keys are compared. Addresses of slots are valid until the next insert or erase
/// in their group; `generation` tells.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "cep/arena.h"
#include "cep/base/prefetch.h"
#include "cep/key.h"

namespace tocsin::cep {
inline constexpr std::uint32_t kShardCount = 64;
inline constexpr std::uint32_t kGroupsOfShard = kKeyGroupCount / kShardCount;

struct KeySlot {
  static constexpr std::uint8_t kOutside = 255;
  std::uint64_t hash = 0;     // 0: empty
  BlockRef record = 0;        // 0: nothing is live yet
  std::uint16_t touched = 0;  // the tick of its last event, modulo 65,536: see TableState::sweep
  std::uint8_t key_size = 0;
  std::array<char, 17> key{};  // or, for kOutside, a BlockRef and a u32 size
};
static_assert(sizeof(KeySlot) == 32);

/// The table's hash of key bytes; never 0.
std::uint64_t hash_key(std::string_view key_bytes, std::uint64_t seed);
inline KeyGroup group_of_hash(std::uint64_t hash) {
  return KeyGroup{static_cast<std::uint32_t>(hash % kKeyGroupCount)};
}
inline std::uint32_t shard_of_hash(std::uint64_t hash) {
  return group_of_hash(hash).value / kGroupsOfShard;
}

/// One shard's keys and the memory of their records.
class KeyShard {
 public:
  KeySlot* find(std::uint64_t hash, std::string_view key) {
    Group& group = group_of(hash);
    if (group.count == 0) return nullptr;
    for (std::uint32_t i = home(group, hash);; i = (i + 1) & group.mask) {
      KeySlot& slot = group.slots[i];
      if (slot.hash == hash && is_key(slot, key)) return &slot;
      if (slot.hash == 0) return nullptr;
    }
  }
  /// Requires that the key is not there.
  KeySlot* insert(std::uint64_t hash, std::string_view key);
  /// Requires that the record was freed.
  void erase(KeySlot* slot);
  /// Calls `visit(KeySlot&)` for each key with this hash: one, but for chance. `visit` neither
  /// inserts nor erases.
  template <typename Visit>
  void for_each_of_hash(std::uint64_t hash, Visit&& visit) {
    Group& group = group_of(hash);
    if (group.count == 0) return;
    for (std::uint32_t i = home(group, hash); group.slots[i].hash != 0; i = (i + 1) & group.mask) {
      if (group.slots[i].hash == hash) visit(group.slots[i]);
    }
  }
  /// Calls `visit(KeySlot&)` for each key, in no promised order.
  template <typename Visit>
  void for_each(Visit&& visit) {
    for (Group& group : groups_) {
      for (std::uint32_t i = 0; group.slots && i <= group.mask; ++i) {
        if (group.slots[i].hash != 0) visit(group.slots[i]);
      }
    }
  }
  void prefetch(std::uint64_t hash) const {
    const Group& group = groups_[group_of_hash(hash).value % kGroupsOfShard];
    if (group.slots) tocsin::prefetch(&group.slots[home(group, hash)]);
  }
  std::string_view key(const KeySlot& slot) const;
  /// Grows by one whenever slots may have moved.
  std::uint64_t generation() const { return generation_; }
  std::uint64_t count() const { return count_; }
  /// Bytes of tables and arena.
  std::size_t bytes() const { return table_bytes_ + arena_.bytes(); }
  Arena& arena() { return arena_; }
  const Arena& arena() const { return arena_; }
  /// Moves every record and long key to a new arena when most of the old one is free.
  void compact_if_sparse(std::uint32_t (*words_of_record)(const std::byte* record));

 private:
  bool is_key(const KeySlot& slot, std::string_view other) const {
    if (slot.key_size == KeySlot::kOutside) return key(slot) == other;
    if (slot.key_size != other.size()) return false;
    // Keys are a few bytes: a loop that is inlined beats a call.
    std::size_t i = 0;
    for (; i + 8 <= other.size(); i += 8) {
      std::uint64_t a = 0;
      std::uint64_t b = 0;
      std::memcpy(&a, slot.key.data() + i, 8);
      std::memcpy(&b, other.data() + i, 8);
      if (a != b) return false;
    }
    for (; i < other.size(); ++i) {
      if (slot.key[i] != other[i]) return false;
    }
    return true;
  }
  struct Group {
    Pages memory;  // of the slots
    KeySlot* slots = nullptr;
    std::uint32_t mask = 0;  // slots - 1
    std::uint32_t count = 0;
  };
  static std::uint32_t home(const Group& group, std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 10) & group.mask;
  }
  Group& group_of(std::uint64_t hash) {
    return groups_[group_of_hash(hash).value % kGroupsOfShard];
  }
  void resize(Group& group, std::uint32_t slots);

  std::array<Group, kGroupsOfShard> groups_;
  Arena arena_;
  std::uint64_t generation_ = 0;
  std::uint64_t count_ = 0;
  std::size_t table_bytes_ = 0;
};
}  // namespace tocsin::cep

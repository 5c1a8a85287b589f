/// The keys of one key expression: 64 shards of 16 key groups, each group a small open-addressing
/// table of its own, so that growing one moves a 1,024th of the keys. A slot is half a cache line:
/// hash, key, and the reference of the key's record in its shard's arena (cep/record/key_record.h);
/// rules never widen it. Linear probing; a group is at most 13/16 full. Its sizes are 4, 8, 16, …
/// 256, 384, 512, 768, …: a large one that has grown is at least half full. An erased slot is
/// closed by moving its followers back, so that tables shrink to nothing.
///
/// The hash is seeded XXH3 with the key group (cep/value/key.h, unseeded, part of the format) in
/// its low ten bits; whole keys are compared. Addresses of slots are valid until the next insert or
/// erase in their group; `generation` tells.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <unordered_set>

#include "cep/base/prefetch.h"
#include "cep/record/arena.h"
#include "cep/value/key.h"
#include "cep/value/shard.h"

namespace tocsin::cep {
struct KeySlot {
  static constexpr std::uint8_t kOutside = 255;
  static constexpr std::uint16_t kTicks = 1U << 13;
  static constexpr std::uint16_t kStored = 4;  // a store has an entry of it
  std::uint64_t hash = 0;                      // 0: empty
  BlockRef record = 0;                         // 0: nothing is live yet
  // The tick of its last event, or a later one that keeps it alive as long, modulo kTicks: see
  // TableState::sweep.
  std::uint16_t touched : 13 = 0;
  std::uint16_t marks : 3 = 0;  // kStored, and the two of TableState's changes
  std::uint8_t key_size = 0;
  std::array<char, 17> key{};  // or, for kOutside, a BlockRef and a u32 size

  bool is_stored() const { return (marks & kStored) != 0; }
};
static_assert(sizeof(KeySlot) == 32);
/// A tick as slots keep it.
inline std::uint16_t kept_tick(std::int64_t tick) {
  return static_cast<std::uint16_t>(static_cast<std::uint64_t>(tick) & (KeySlot::kTicks - 1U));
}

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
  KeyShard() = default;
  ~KeyShard() { clear(); }
  KeyShard(const KeyShard&) = delete;
  KeyShard& operator=(const KeyShard&) = delete;
  /// Forgets all keys and records.
  void clear();

  [[gnu::always_inline]] KeySlot* find(std::uint64_t hash, std::string_view key) {
    Group& group = group_of(hash);
    if (group.count == 0) return nullptr;
    for (std::uint32_t i = home(group, hash);; i = after(group, i)) {
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
    for (std::uint32_t i = home(group, hash); group.slots[i].hash != 0; i = after(group, i)) {
      if (group.slots[i].hash == hash) visit(group.slots[i]);
    }
  }
  /// Calls `visit(KeySlot&)` for each key, in no promised order.
  template <typename Visit>
  void for_each(Visit&& visit) {
    for (Group& group : groups_) {
      for (std::uint32_t i = 0; i < group.size; ++i) {
        if (group.slots[i].hash != 0) visit(group.slots[i]);
      }
    }
  }
  /// Calls `visit(KeySlot&)` for each key of one of the shard's groups. `visit` neither
  /// inserts nor erases.
  template <typename Visit>
  void for_each_of_group(std::uint32_t group_of_shard, Visit&& visit) {
    Group& group = groups_[group_of_shard];
    if (group.count == 0) return;
    for (std::uint32_t i = 0; i < group.size; ++i) {
      if (group.slots[i].hash != 0) visit(group.slots[i]);
    }
  }
  /// The slots of one of the shard's groups; those of hash 0 are empty.
  std::span<KeySlot> slots_of_group(std::uint32_t group_of_shard) {
    const Group& group = groups_[group_of_shard];
    return {group.slots, group.size};
  }
  void prefetch(std::uint64_t hash) const {
    const Group& group = groups_[group_of_hash(hash).value % kGroupsOfShard];
    if (group.size == 0) return;
    const KeySlot* const slot = &group.slots[home(group, hash)];
    tocsin::prefetch(slot);
    tocsin::prefetch(slot + 2);  // one key in three or four stands there
  }
  std::string_view key(const KeySlot& slot) const;
  /// Grows by one whenever slots may have moved.
  std::uint64_t generation() const { return generation_; }
  std::uint64_t count() const { return count_; }
  /// Bytes of tables and arena.
  std::size_t bytes() const { return table_bytes_ + arena_.bytes(); }
  Arena& arena() { return arena_; }
  const Arena& arena() const { return arena_; }
  /// Whose records were counted by budgets, by hash: RecordStore takes those away whose records it
  /// lays out anew.
  std::unordered_set<std::uint64_t>& counted() { return counted_; }
  /// Makes a group no larger than it has to be.
  void fit(std::uint32_t group_of_shard);
  /// Where much of the arena is free, finds what has to move so that memory can be given back;
  /// move() of each group then does it.
  void begin_moves();
  /// Whether records or long keys may have to move.
  bool has_to_move() const { return to_move_ != 0; }
  /// Moves those of a group. Takes time by the number of its keys.
  void move(std::uint32_t group_of_shard,
            std::uint32_t (*words_of_record)(const std::byte* record));

 private:
  bool is_key(const KeySlot& slot, std::string_view other) const {
    if (slot.key_size == KeySlot::kOutside) return key(slot) == other;
    return slot.key_size == other.size() && is_same(slot.key.data(), other.data(), other.size());
  }
  // Of keys that a slot holds, which are a few bytes: loads that overlap, instead of a loop or
  // call.
  static bool is_same(const char* a, const char* b, std::size_t size) {
    const auto agree = [&](std::size_t from, auto word) {
      auto other = word;
      std::memcpy(&word, a + from, sizeof(word));
      std::memcpy(&other, b + from, sizeof(other));
      return word == other;
    };
    if (size >= 8) {
      return agree(0, std::uint64_t{}) && agree(size - 8, std::uint64_t{}) &&
             (size <= 16 || a[8] == b[8]);
    }
    if (size >= 4) return agree(0, std::uint32_t{}) && agree(size - 4, std::uint32_t{});
    if (size >= 2) return agree(0, std::uint16_t{}) && agree(size - 2, std::uint16_t{});
    return size == 0 || a[0] == b[0];
  }
  // All that a look-up reads of a group before its slot: four of them share a cache line.
  struct Group {
    KeySlot* slots = nullptr;
    std::uint32_t size = 0;  // slots
    std::uint32_t count = 0;
  };
  // By the 32 bits of the hash above the key group's; the first slot of a cache line.
  static std::uint32_t home(const Group& group, std::uint64_t hash) {
    return static_cast<std::uint32_t>((hash >> 10 & UINT32_MAX) * (group.size / 2) >> 32) * 2;
  }
  static std::uint32_t after(const Group& group, std::uint32_t place) {
    return place + 1 == group.size ? 0 : place + 1;
  }
  Group& group_of(std::uint64_t hash) {
    return groups_[group_of_hash(hash).value % kGroupsOfShard];
  }
  void resize(Group& group, std::uint32_t slots);
  BlockRef moved(BlockRef block, std::uint32_t words);

  std::array<Group, kGroupsOfShard> groups_;
  Arena arena_;
  std::unordered_set<std::uint64_t> counted_;
  std::uint64_t generation_ = 0;
  std::uint64_t count_ = 0;
  std::size_t table_bytes_ = 0;
  std::uint32_t to_move_ = 0;  // bits by group: of which blocks may stand in leaving chunks
};
}  // namespace tocsin::cep

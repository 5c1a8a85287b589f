#include "cep/record/key_table.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

#include "cep/base/assert.h"

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

namespace tocsin::cep {
namespace {
constexpr std::uint32_t kSlotsLeast = 4;
// Up to this many they double: small tables grow often, and take little.
constexpr std::uint32_t kSlotsDoubled = 256;
std::uint32_t next_size(std::uint32_t slots) {
  if (slots == 0) return kSlotsLeast;
  if (slots < kSlotsDoubled) return slots * 2;
  return std::has_single_bit(slots) ? slots + slots / 2 : slots / 3 * 4;
}
bool has_room(std::uint32_t slots, std::uint32_t keys) {
  return std::uint64_t{keys} * 16 <= std::uint64_t{slots} * 13;
}
// Keys are spread evenly. A state is read back group by group: the next one will have about as many
// as those before it, and need not grow step by step.
template <typename Groups>
std::uint32_t grown_size(const Groups& groups, std::uint32_t slots) {
  std::uint32_t most = 0;
  for (const auto& group : groups) most = std::max(most, group.count);
  slots = next_size(slots);
  while (!has_room(slots, most - most / 8)) slots = next_size(slots);
  return slots;
}

struct OutsideKey {
  BlockRef block = 0;
  std::uint32_t size = 0;
};
OutsideKey outside_key(const KeySlot& slot) {
  OutsideKey key;
  std::memcpy(&key, slot.key.data(), sizeof(key));
  return key;
}
std::uint32_t words_of(std::uint32_t key_bytes) { return Arena::rounded((key_bytes + 7) / 8); }
}  // namespace

std::uint64_t hash_key(std::string_view key_bytes, std::uint64_t seed) {
  const std::uint64_t group =
      XXH3_64bits(key_bytes.data(), key_bytes.size()) % kKeyGroupCount;  // as in key_group()
  const std::uint64_t seeded = XXH3_64bits_withSeed(key_bytes.data(), key_bytes.size(), seed);
  return (seeded & ~std::uint64_t{kKeyGroupCount - 1}) | group | std::uint64_t{1} << 63;
}

std::string_view KeyShard::key(const KeySlot& slot) const {
  if (slot.key_size != KeySlot::kOutside) return {slot.key.data(), slot.key_size};
  const OutsideKey key = outside_key(slot);
  return {reinterpret_cast<const char*>(arena_.at(key.block)), key.size};
}

void KeyShard::clear() {
  for (Group& group : groups_) {
    if (group.slots != nullptr) resize(group, 0);
    group.count = 0;
  }
  counted_.clear();
  count_ = 0;
  to_move_ = 0;
  arena_ = Arena{};
}

// Requires that what is in the group fits.
void KeyShard::resize(Group& group, std::uint32_t slots) {
  ++generation_;
  KeySlot* const old = std::exchange(group.slots, nullptr);
  const std::uint32_t old_count = std::exchange(group.size, slots);
  const std::size_t old_bytes = std::size_t{old_count} * sizeof(KeySlot);
  const std::size_t bytes = std::size_t{slots} * sizeof(KeySlot);
  table_bytes_ += bytes - old_bytes;
  if (slots != 0) {
    group.slots = new (allocate_pages(bytes)) KeySlot[slots];
    for (std::uint32_t i = 0; i < old_count; ++i) {
      if (old[i].hash == 0) continue;
      std::uint32_t place = home(group, old[i].hash);
      while (group.slots[place].hash != 0) place = after(group, place);
      group.slots[place] = old[i];
    }
  }
  free_pages(reinterpret_cast<std::byte*>(old), old_bytes);
}

KeySlot* KeyShard::insert(std::uint64_t hash, std::string_view key_bytes) {
  Group& group = group_of(hash);
  if (!has_room(group.size, group.count + 1)) resize(group, grown_size(groups_, group.size));
  std::uint32_t place = home(group, hash);
  while (group.slots[place].hash != 0) place = after(group, place);
  KeySlot& slot = group.slots[place];
  slot.hash = hash;
  slot.record = 0;
  if (key_bytes.size() <= slot.key.size()) {
    slot.key_size = static_cast<std::uint8_t>(key_bytes.size());
    if (!key_bytes.empty()) std::memcpy(slot.key.data(), key_bytes.data(), key_bytes.size());
  } else {
    OutsideKey outside;
    outside.size = static_cast<std::uint32_t>(key_bytes.size());
    outside.block = arena_.allocate(words_of(outside.size));
    std::memcpy(arena_.at(outside.block), key_bytes.data(), key_bytes.size());
    slot.key_size = KeySlot::kOutside;
    std::memcpy(slot.key.data(), &outside, sizeof(outside));
  }
  ++group.count;
  ++count_;
  return &slot;
}

void KeyShard::erase(KeySlot* slot) {
  TOCSIN_ASSERT(slot->record == 0, "a key's record is freed before its slot");
  ++generation_;
  Group& group = group_of(slot->hash);
  if (slot->key_size == KeySlot::kOutside) {
    const OutsideKey key = outside_key(*slot);
    arena_.free(key.block, words_of(key.size));
  }
  auto hole = static_cast<std::uint32_t>(slot - group.slots);
  const auto distance = [&](std::uint32_t from, std::uint32_t to) {
    return to >= from ? to - from : to + group.size - from;
  };
  for (std::uint32_t i = after(group, hole); group.slots[i].hash != 0; i = after(group, i)) {
    // A follower may fill the hole when its home is not between the hole and itself.
    if (distance(home(group, group.slots[i].hash), i) >= distance(hole, i)) {
      group.slots[hole] = group.slots[i];
      hole = i;
    }
  }
  group.slots[hole] = KeySlot{};
  --group.count;
  --count_;
  if (group.count == 0) {
    resize(group, 0);
  } else if (group.size > kSlotsLeast && group.count <= group.size / 4) {
    // With room to grow again.
    std::uint32_t slots = kSlotsLeast;
    while (slots < 2 * group.count) slots = next_size(slots);
    if (slots < group.size) resize(group, slots);
  }
}

void KeyShard::fit(std::uint32_t group_of_shard) {
  Group& group = groups_[group_of_shard];
  if (group.size <= kSlotsLeast || group.count == 0) return;
  // With room for some more.
  std::uint32_t slots = kSlotsLeast;
  while (!has_room(slots, group.count + group.count / 8 + 1)) slots = next_size(slots);
  if (slots < group.size) resize(group, slots);
}

void KeyShard::begin_moves() {
  constexpr std::uint32_t kAll = (std::uint32_t{1} << kGroupsOfShard) - 1;
  if (arena_.may_move() && arena_.begin_moves()) to_move_ = kAll;
}

BlockRef KeyShard::moved(BlockRef block, std::uint32_t words) {
  const BlockRef to = arena_.allocate(words);
  std::memcpy(arena_.at(to), arena_.at(block), std::size_t{words} * 8);
  arena_.free(block, words);
  return to;
}

void KeyShard::move(std::uint32_t group_of_shard,
                    std::uint32_t (*words_of_record)(const std::byte* record)) {
  const Group& group = groups_[group_of_shard];
  const std::uint32_t bit = std::uint32_t{1} << group_of_shard;
  if ((to_move_ & bit) == 0) return;
  to_move_ &= ~bit;
  for (std::uint32_t i = 0; i < group.size; ++i) {
    KeySlot& slot = group.slots[i];
    if (slot.hash == 0) continue;
    if (slot.record != 0 && arena_.is_leaving(slot.record)) {
      slot.record = moved(slot.record, words_of_record(arena_.at(slot.record)));
    }
    if (slot.key_size != KeySlot::kOutside) continue;
    OutsideKey key = outside_key(slot);
    if (!arena_.is_leaving(key.block)) continue;
    key.block = moved(key.block, words_of(key.size));
    std::memcpy(slot.key.data(), &key, sizeof(key));
  }
}
}  // namespace tocsin::cep

// A table's state as entries: the keys that changed, cuts in chunks, and restoring them.
#include <algorithm>
#include <bit>
#include <span>
#include <tuple>
#include <utility>

#include "cep/base/assert.h"
#include "cep/engine/table_state.h"
#include "cep/value/key.h"

namespace tocsin::cep {
// ---- writing

void TableState::begin_cut() {
  std::swap(shards_.changed_mark, shards_.pending_mark);
  for (const auto& shard : shards_) {
    ShardChanges& changes = shard->changes;
    TOCSIN_ASSERT(!changes.any_pending && changes.early.empty(), "the cut before is complete");
    changes.any_pending = std::exchange(changes.any_changed, false);
    changes.group = changes.place = 0;
  }
}

bool TableState::write_cut(std::uint16_t number, std::uint32_t shard_index, StateSink& sink,
                           Chunk& chunk) {
  Shard& shard = shards_[shard_index];
  ShardChanges& changes = shard.changes;
  if (!changes.early.give(number, sink, chunk)) return false;
  if (!changes.any_pending) return true;
  lane_.work_on(shard);
  for (; changes.group < kGroupsOfShard; ++changes.group) {
    if (!write_group(number, shard, sink, chunk)) return false;
    changes.place = 0;
  }
  changes.any_pending = false;
  return true;
}

// Goes on with the group that the cut is at; false where the chunk is over before the group is.
bool TableState::write_group(std::uint16_t number, Shard& shard, StateSink& sink, Chunk& chunk) {
  constexpr std::uint32_t kAhead = 8;
  // Slots that are gone through take a byte of a chunk.
  constexpr std::size_t kSlotsOfByte = 4;
  ShardChanges& changes = shard.changes;
  if (chunk.is_over()) return false;
  std::span<KeySlot> slots = shard.keys.slots_of_group(changes.group);
  // Slots that moved since the last chunk may have moved to where it was.
  if (changes.generation != shard.keys.generation()) changes.place = 0;
  changes.generation = shard.keys.generation();
  while (changes.place < slots.size()) {
    if (changes.place + kAhead < slots.size()) {
      const KeySlot& next = slots[changes.place + kAhead];
      if ((next.marks & shards_.pending_mark) != 0 && next.record != 0) {
        store_.prefetch(shard.keys.arena().at(next.record));
      }
    }
    KeySlot& slot = slots[changes.place];
    if ((slot.marks & shards_.pending_mark) == 0) {
      ++changes.place;
      continue;
    }
    if (chunk.is_over()) return false;
    const TableLane::Written written = lane_.write_key(shard, slot);
    const std::string_view bytes = shard.keys.key(slot);
    const StateKey key{number, group_of_hash(slot.hash), bytes};
    if (written == TableLane::Written::kPut) sink.put(key, lane_.entry());
    if (written == TableLane::Written::kRemove) sink.remove(key);
    chunk.take(bytes.size() + (written == TableLane::Written::kPut ? lane_.entry().size() : 0));
    if (slot.record != 0 || slot.marks != 0) {
      ++changes.place;
      continue;
    }
    // What follows moves back, to here at the most, but where the table shrinks.
    shard.keys.erase(&slot);
    changes.generation = shard.keys.generation();
    const std::span<KeySlot> left = shard.keys.slots_of_group(changes.group);
    if (left.size() != slots.size()) changes.place = 0;
    slots = left;
  }
  chunk.take(slots.size() / kSlotsOfByte);
  return true;
}

void TableState::mark_all_changed() {
  for (const auto& shard : shards_) {
    shard->changes = {};
    shard->keys.for_each([&](KeySlot& slot) {
      slot.marks &= KeySlot::kStored;
      lane_.note_change(*shard, slot);
    });
  }
}

// Those of which a store has an entry, before all go at once.
std::vector<std::string> TableState::keys_to_remove(Shard& shard) {
  std::vector<std::string> keys;
  shard.keys.for_each([&](KeySlot& slot) {
    if ((slot.marks & shards_.pending_mark) != 0) lane_.write_early(shard, slot);
    if (slot.is_stored()) keys.emplace_back(shard.keys.key(slot));
  });
  shard.changes.any_changed = shard.changes.any_pending = false;
  return keys;
}

// ---- reading

bool TableState::restore(const TableTarget& from, std::string_view key, std::string_view value,
                         EventTime watermark) {
  const std::uint64_t hash = hash_key(key, seed_);
  Shard& shard = shards_[shard_of_hash(hash)];
  lane_.work_on(shard);
  KeySlot* slot = shard.keys.find(hash, key);
  if (slot == nullptr) {
    slot = shard.keys.insert(hash, key);
    // Not touched lately: the next round of sweep() looks at it.
    slot->touched =
        kept_tick(shards_.tick_of(watermark.us) - kTicksOfLongest) & (KeySlot::kTicks - 1);
    if (shards_.tracks) slot->marks = KeySlot::kStored;
  }
  const bool is_well = codec_.read(from, value, watermark, *slot, key, shards_.queue_of_op(),
                                   shard.patterns, shard.restored, shard.timers);
  if (is_well) lane_.charge_groups(shard, *slot);
  if (is_well && slot->record == 0) {
    slot->marks = 0;
    shard.keys.erase(slot);
  }
  return is_well;
}

namespace {
// Of a group's parts: the places of those that an entry has.
std::vector<std::uint32_t> places_of(const TableTarget& from, std::uint32_t op) {
  std::vector<std::uint32_t> places;
  for (const PartTarget& part : from.parts) {
    if (part.op == op) places.push_back(part.place);
  }
  return places;
}
}  // namespace

void TableState::forget(const TableTarget& from, std::string_view key) {
  const std::uint64_t hash = hash_key(key, seed_);
  Shard& shard = shards_[shard_of_hash(hash)];
  KeySlot* const slot = shard.keys.find(hash, key);
  if (slot == nullptr) return;
  lane_.work_on(shard);
  store_.prune(*slot, [&](std::byte* record, const OperatorEntry& entry) {
    const OperatorProgram& op = table_.operators[entry.op - 1];
    if (op.kind == OperatorKind::kGroup) {
      return feature_store_.shared().forget(program_.feature_groups[op.index], record, entry,
                                            places_of(from, entry.op));
    }
    if (op.kind == OperatorKind::kRing) {
      return feature_store_.shared().is_ring_dead(program_.shared_rings[op.index]);
    }
    if (std::ranges::find(from.parts, entry.op, &PartTarget::op) == from.parts.end()) return false;
    if (op.kind == OperatorKind::kStrict) return forget_strict(from, record, entry);
    release(shard, record, entry);
    return true;
  });
  if (slot->record != 0) return;
  slot->marks = 0;
  shard.keys.erase(slot);
}

// Of a strict group's rules, those that an entry has; whether none is left.
bool TableState::forget_strict(const TableTarget& from, std::byte* record,
                               const OperatorEntry& entry) {
  const StrictGroup& group = program_.strict_groups[table_.operators[entry.op - 1].index];
  StrictState state(RecordStore::at<std::byte>(record, entry.state), group);
  for (const std::uint32_t place : places_of(from, entry.op)) {
    stats_.runs -= static_cast<std::uint64_t>(std::popcount(state.alive_of(place)));
    state.set_alive_of(place, 0);
  }
  return state.runs() == 0;
}

// What the operator has of a key outside its record, and counts of it.
void TableState::release(Shard& shard, std::byte* record, const OperatorEntry& entry) {
  const OperatorProgram& op = table_.operators[entry.op - 1];
  if (op.kind == OperatorKind::kFeature) {
    feature_store_.release(program_.features[op.index], record, entry);
  } else if (op.kind == OperatorKind::kStrict) {
    const StrictGroup& group = program_.strict_groups[op.index];
    StrictState state(RecordStore::at<std::byte>(record, entry.state), group);
    stats_.runs -= state.runs();
  } else if (program_.rules[op.index].method == Method::kGeneral) {
    matcher_.general().release(shard.patterns, record, entry.state);
  } else {
    matcher_.release(program_.rules[op.index], shard.patterns, record, entry.state);
  }
}

void TableState::settle_restored(std::uint32_t shard_index) {
  Shard& shard = shards_[shard_index];
  const auto place = [](const RestoredTimer& restored) {
    return std::tuple(restored.pass, restored.queue, restored.timer.deadline_us,
                      restored.timer.arrival(), restored.timer.hash);
  };
  std::vector<RestoredTimer>& restored = shard.restored;
  std::sort(restored.begin(), restored.end(),
            [&](const RestoredTimer& a, const RestoredTimer& b) { return place(a) < place(b); });
  std::vector<Timer> timers;
  for (auto next = restored.begin(); next != restored.end();) {
    const std::uint32_t pass = next->pass;
    const std::uint32_t queue = next->queue;
    timers.clear();
    for (; next != restored.end() && next->pass == pass && next->queue == queue; ++next) {
      timers.push_back(next->timer);
    }
    shard.timers[pass].merge(queue, timers);
  }
  restored = {};
  for (std::size_t pass = 0; pass < shards_.next_due.size(); ++pass) {
    shards_.next_due[pass][shard_index] = shard.timers[pass].next_due_us();
  }
}
}  // namespace tocsin::cep

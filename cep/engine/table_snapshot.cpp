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
  const std::uint16_t mark = changed_mark_;
  changed_mark_ = pending_mark_;
  pending_mark_ = mark & 3;
  for (const std::unique_ptr<Shard>& shard : shards_) {
    Changes& changes = shard->changes;
    TOCSIN_ASSERT(!changes.any_pending && changes.early.empty(), "the cut before is complete");
    changes.any_pending = std::exchange(changes.any_changed, false);
    changes.group = changes.place = 0;
  }
}

// What the cut has of a key, whose value is then in entry_.
TableState::Written TableState::write_key(Shard& shard, KeySlot& slot) {
  slot.marks = (slot.marks & ~pending_mark_) & 7;
  if (slot.record != 0 && codec_.write(store_.base(slot), shard.patterns, entry_)) {
    slot.marks |= KeySlot::kStored;
    return Written::kPut;
  }
  if (!slot.is_stored()) return Written::kNothing;
  slot.marks = slot.marks & 3;
  return Written::kRemove;
}

void TableState::write_early(Shard& shard, KeySlot& slot) {
  work_on(shard);
  const Written written = write_key(shard, slot);
  if (written == Written::kNothing) return;
  const std::string_view key = shard.keys.key(slot);
  if (written == Written::kPut) {
    shard.changes.early.put(key, entry_);
  } else {
    shard.changes.early.remove(key);
  }
}

bool TableState::write_cut(std::uint16_t number, std::uint32_t shard_index, StateSink& sink,
                           Chunk& chunk) {
  Shard& shard = *shards_[shard_index];
  Changes& changes = shard.changes;
  if (!changes.early.give(number, sink, chunk)) return false;
  if (!changes.any_pending) return true;
  work_on(shard);
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
  Changes& changes = shard.changes;
  if (chunk.is_over()) return false;
  std::span<KeySlot> slots = shard.keys.slots_of_group(changes.group);
  // Slots that moved since the last chunk may have moved to where it was.
  if (changes.generation != shard.keys.generation()) changes.place = 0;
  changes.generation = shard.keys.generation();
  while (changes.place < slots.size()) {
    if (changes.place + kAhead < slots.size()) {
      const KeySlot& next = slots[changes.place + kAhead];
      if ((next.marks & pending_mark_) != 0 && next.record != 0) {
        store_.prefetch(shard.keys.arena().at(next.record));
      }
    }
    KeySlot& slot = slots[changes.place];
    if ((slot.marks & pending_mark_) == 0) {
      ++changes.place;
      continue;
    }
    if (chunk.is_over()) return false;
    const Written written = write_key(shard, slot);
    const std::string_view bytes = shard.keys.key(slot);
    const StateKey key{number, group_of_hash(slot.hash), bytes};
    if (written == Written::kPut) sink.put(key, entry_);
    if (written == Written::kRemove) sink.remove(key);
    chunk.take(bytes.size() + (written == Written::kPut ? entry_.size() : 0));
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
  for (const std::unique_ptr<Shard>& shard : shards_) {
    shard->changes = {};
    shard->keys.for_each([&](KeySlot& slot) {
      slot.marks &= KeySlot::kStored;
      note_change(*shard, slot);
    });
  }
}

// Those of which a store has an entry, before all go at once.
std::vector<std::string> TableState::keys_to_remove(Shard& shard) {
  std::vector<std::string> keys;
  shard.keys.for_each([&](KeySlot& slot) {
    if ((slot.marks & pending_mark_) != 0) write_early(shard, slot);
    if (slot.is_stored()) keys.emplace_back(shard.keys.key(slot));
  });
  shard.changes.any_changed = shard.changes.any_pending = false;
  return keys;
}

// ---- reading

bool TableState::restore(const TableTarget& from, std::string_view key, std::string_view value,
                         EventTime watermark) {
  const std::uint64_t hash = hash_key(key, seed_);
  Shard& shard = *shards_[shard_of_hash(hash)];
  work_on(shard);
  KeySlot* slot = shard.keys.find(hash, key);
  if (slot == nullptr) {
    slot = shard.keys.insert(hash, key);
    // Not touched lately: the next round of sweep() looks at it.
    slot->touched = kept_tick(tick_of(watermark.us) - kTicksOfLongest) & (KeySlot::kTicks - 1);
    if (tracks_) slot->marks = KeySlot::kStored;
  }
  const bool is_well = codec_.read(from, value, watermark, *slot, key, queue_of_op_, shard.patterns,
                                   shard.restored, shard.timers);
  if (is_well) charge_groups(shard, *slot);
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
  Shard& shard = *shards_[shard_of_hash(hash)];
  KeySlot* const slot = shard.keys.find(hash, key);
  if (slot == nullptr) return;
  work_on(shard);
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
    release(shard, record, entry);
    return true;
  });
  if (slot->record != 0) return;
  slot->marks = 0;
  shard.keys.erase(slot);
}

// What the operator has of a key outside its record, and counts of it.
void TableState::release(Shard& shard, std::byte* record, const OperatorEntry& entry) {
  const OperatorProgram& op = table_.operators[entry.op - 1];
  if (op.kind == OperatorKind::kFeature) {
    feature_store_.release(program_.features[op.index], entry);
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
  Shard& shard = *shards_[shard_index];
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
  for (std::size_t pass = 0; pass < next_due_.size(); ++pass) {
    next_due_[pass][shard_index] = shard.timers[pass].next_due_us();
  }
}
}  // namespace tocsin::cep

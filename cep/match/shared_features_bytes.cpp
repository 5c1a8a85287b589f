// Features that share rings, as bytes (cep/match/feature_store.h).
#include <algorithm>
#include <bit>
#include <utility>

#include "cep/match/feature_store.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
void SharedFeatures::save(const FeatureProgram& feature, const std::byte* record,
                          const OperatorEntry& entry, ByteWriter& to) {
  const GroupView view = view_of(const_cast<std::byte*>(record), feature, entry);
  const GroupMember& member = view.member(feature.place);
  if (!view.is_here(member)) return;
  // What had left the window when the newest event came is not written.
  std::uint32_t count = view.count(member);
  std::uint32_t event = member.first;
  while (count > 1 &&
         view.ring().time(event) <= view.ring().time(view.newest()) - feature.window_us) {
    event = view.next(event);
    --count;
  }
  to.varint(count);
  std::int64_t before = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i > 0) event = view.next(event);
    const std::int64_t time = view.ring().time(event);
    if (i == 0) {
      to.signed_varint(time);
    } else {
      to.varint(static_cast<std::uint64_t>(time - before));
    }
    before = time;
    if (feature.window.has_value) to.signed_varint(view.ring().value(event));
  }
}

void SharedFeatures::begin_restore() { restored_.clear(); }

bool SharedFeatures::restore(const FeatureProgram& feature, const KeySlot& slot, ByteReader& from) {
  const OperatorEntry* const entry = store_.find(slot, feature.op);
  if (entry != nullptr) {
    const GroupView view = view_of(store_.base(slot), feature, *entry);
    if (view.is_here(view.member(feature.place))) return false;
  }
  const std::optional<std::uint32_t> count = restore_ring_count(from);
  HeldEvents events;
  if (!count || !restore_events(*feature.feature, *count, from, events.times, events.values)) {
    return false;
  }
  RingMerge& into = restored_[program_.feature_groups[feature.group].ring];
  return into.add(feature.group, feature.place, std::move(events));
}

bool SharedFeatures::put_restored(KeySlot& slot, RightEvents right) {
  for (auto& [place, merged] : restored_) {
    const SharedRingProgram& ring = program_.shared_rings[place];
    if (slot.record != 0 && right == RightEvents::kRead) {
      RingMerge all;
      if (!add_present(ring, store_.base(slot), all)) return false;
      all.let_differ(true);
      if (!all.add(merged)) return false;
      merged = std::move(all);
    } else {
      merged.let_differ(right == RightEvents::kPresent);
      if (slot.record != 0 && !add_present(ring, store_.base(slot), merged)) return false;
    }
    merged.merge();
    if (!put_ring(ring, merged, slot)) return false;
  }
  restored_.clear();
  return true;
}

// What the record's own ring holds.
bool SharedFeatures::add_present(const SharedRingProgram& ring, std::byte* record,
                                 RingMerge& into) {
  list_groups(record, ring);
  for (const Listed& listed : listed_) {
    const GroupView& view = listed.view;
    for (std::uint32_t i = 0; i < view.members(); ++i) {
      const GroupMember& member = view.member(i);
      if (!view.is_here(member)) continue;
      HeldEvents events;
      std::uint32_t event = member.first;
      for (std::uint32_t n = 0; n < view.count(member); ++n) {
        if (n > 0) event = view.next(event);
        events.times.push_back(view.ring().time(event));
        if (listed.group->has_sums) events.values.push_back(view.ring().value(event));
      }
      const auto group = static_cast<std::uint32_t>(listed.group - program_.feature_groups.data());
      if (!into.add(group, i, std::move(events))) return false;
    }
  }
  return true;
}

bool SharedFeatures::put_ring(const SharedRingProgram& program, const RingMerge& merged,
                              KeySlot& slot) {
  constexpr std::uint64_t kWordsMax = std::uint64_t{1} << 30;
  listed_.clear();
  times_ = merged.times();
  values_ = merged.values();
  RingShape shape = shape_for({}, times_.empty() ? 0 : times_.back(), merged.has_values());
  shape.capacity = std::max(static_cast<std::uint32_t>(times_.size()), SharedRing::kCapacityLeast);
  std::uint64_t words = shape.words();
  for (const RingMerge::Group& group : merged.groups()) {
    const FeatureGroup& of = program_.feature_groups[group.group];
    words += EventGroup::words(static_cast<std::uint32_t>(of.features.size()), of.has_sums) +
             EventChunks::words(static_cast<std::uint32_t>(group.chunks.size()));
  }
  if (words > kWordsMax) return false;
  store_.make_room(slot, static_cast<std::uint32_t>(words),
                   static_cast<std::uint32_t>(merged.groups().size()) + 1);
  std::byte* const record = store_.base(slot);
  const Offset place = RecordStore::cut(record, shape.words());
  auto* const ring = RecordStore::at<SharedRing>(record, place);
  ring->start(shape);
  put_held(*ring);
  RecordStore::set_state(record, program.op, place);
  for (const RingMerge::Group& group : merged.groups()) put_group(group, merged, record);
  return true;
}

void SharedFeatures::put_group(const RingMerge::Group& restored, const RingMerge& merged,
                               std::byte* record) const {
  const FeatureGroup& program = program_.feature_groups[restored.group];
  const std::uint32_t words =
      EventGroup::words(static_cast<std::uint32_t>(program.features.size()), program.has_sums);
  const Offset place = RecordStore::cut(record, words);
  std::fill_n(RecordStore::at<std::uint64_t>(record, place), words, 0);
  RecordStore::set_state(record, program.op, place);
  auto* const group = RecordStore::at<EventGroup>(record, place);
  if (!restored.chunks.empty()) {
    group->newest = restored.chunks.back();
    const auto older = static_cast<std::uint32_t>(restored.chunks.size() - 1);
    // Numbers without a gap need no chunks.
    const std::uint32_t first = restored.numbers.front();
    const std::uint32_t span = group->newest.start - first;
    const auto newest = static_cast<std::size_t>(std::popcount(group->newest.bits));
    if (older > 0 && restored.numbers.size() - newest != span) {
      group->older = RecordStore::cut(record, EventChunks::words(older));
      auto* const chunks = RecordStore::at<EventChunks>(record, group->older);
      *chunks = {older, older};
      std::copy_n(restored.chunks.begin(), older, chunks->chunks());
    }
  }
  const GroupView view = view_of(record, program, place);
  group->set(static_cast<std::uint32_t>(restored.numbers.size()), true);
  for (std::uint32_t i = 0; i < view.members(); ++i) view.member(i).before = group->taken();
  for (const RingMerge::Member& held : restored.members) {
    view.restore(view.member(held.place), restored.numbers, held.count, merged.values());
  }
}
}  // namespace tocsin::cep

// Features that share rings (cep/match/feature_store.h).
#include <algorithm>
#include <bit>
#include <utility>

#include "cep/aggregate/window_state.h"
#include "cep/alert/current_row.h"
#include "cep/match/feature_store.h"
#include "cep/plan/feature.h"
#include "cep/ring/feature_state.h"

namespace tocsin::cep {
namespace {
GroupView make_view(std::byte* record, std::uint32_t ring_op, Offset state, std::uint32_t members,
                    bool has_sums) {
  auto* const ring =
      RecordStore::at<SharedRing>(record, RecordStore::find_near_end(record, ring_op)->state);
  auto* const group = RecordStore::at<EventGroup>(record, state);
  EventChunks* const chunks =
      group->older == 0 ? nullptr : RecordStore::at<EventChunks>(record, group->older);
  return {ring, group, chunks, members, has_sums};
}
const OperatorEntry* entry_of(const CurrentRow& current, std::uint32_t op) {
  return current.record != nullptr ? RecordStore::find(current.record, op) : nullptr;
}
}  // namespace

SharedFeatures::SharedFeatures(const ProgramImpl& program, std::uint32_t table, RecordStore& store,
                               EngineStats& stats)
    : program_(program), store_(store), stats_(stats) {
  const auto rings = std::ranges::count(program.shared_rings, table, &SharedRingProgram::table);
  row_of_newest_.resize(static_cast<std::size_t>(rings));
  alive_.resize(static_cast<std::size_t>(rings));
  groups_.resize(static_cast<std::size_t>(rings));
  places_.resize(program.feature_groups.size());
  for (const FeatureGroup& group : program.feature_groups) {
    if (group.table != table) continue;
    groups_[ring_of(group).place].push_back(&group);
    const auto longest = std::ranges::max_element(group.features, {}, [&](std::uint32_t feature) {
      return program.features[feature].window_us;
    });
    places_of(group).longest = static_cast<std::uint32_t>(longest - group.features.begin());
  }
}

GroupView SharedFeatures::view_of(std::byte* record, const FeatureGroup& group,
                                  Offset state) const {
  return make_view(record, ring_of(group).op, state,
                   static_cast<std::uint32_t>(group.features.size()), group.has_sums);
}

// For a look at one feature.
GroupView SharedFeatures::view_of(std::byte* record, const FeatureProgram& feature,
                                  const OperatorEntry& entry) {
  return make_view(record, feature.ring_op, entry.state, 0, feature.window.has_value);
}

// ---- taking

void SharedFeatures::take(const FeatureGroup& group, CurrentRow& current, const Value& value) {
  if (value.number < INT64_MIN || value.number > INT64_MAX) {
    stats_.values_missing += group.features.size();
    return;
  }
  const auto number = static_cast<std::int64_t>(value.number);
  const std::int64_t now = current.row->engine_time.us;
  const OperatorEntry* const entry = ensure_group(group, current);
  GroupView view = view_of(current.record, group, entry->state);
  if (view.ring().count() >= group.events_least) keep_to_limit(group, view, now);
  // The row is the ring's newest event where another group has added it.
  const bool is_new = std::exchange(row_of_newest_[ring_of(group).place], row_) != row_;
  const bool lacks_values = group.has_sums && !view.ring().has_values();
  if (lacks_values || (is_new && !view.ring().has_room(now))) {
    if (make_room(ring_of(group), current, group.has_sums)) view = view_now(group, current);
  }
  if (is_new) view.ring().push(now);
  const std::uint32_t event = view.ring().end() - 1;
  if (group.has_sums) view.ring().set_value(event, number);
  if (view.chunks_for(event) > view.chunk_capacity()) {
    make_chunk_room(group, current, view);
    view = view_now(group, current);
  }
  view.mark(event);
  view.add(event, number);
  taken_ = {&group, current.record, view};
}

bool SharedFeatures::take_row(const FeatureGroup& group, CurrentRow& current) {
  const Quick taken = take_quickly(group, current);
  if (taken != Quick::kNotTaken) return taken == Quick::kOpen;
  take(group, current, Value::missing());
  return !group.gate ||
         has_taken(program_.features[group.gate->feature], current, group.gate->least);
}

// Takes the row where that takes no room and no member may be without an event.
SharedFeatures::Quick SharedFeatures::take_quickly(const FeatureGroup& group,
                                                   const CurrentRow& current) {
  if (current.record == nullptr) return Quick::kNotTaken;
  const OperatorEntry* const entry =
      RecordStore::find(current.record, group.op, places_of(group).listed);
  if (entry == nullptr) return Quick::kNotTaken;
  const GroupView view =
      make_view(current.record, ring_of(group).op, entry->state,
                static_cast<std::uint32_t>(group.features.size()), group.has_sums);
  SharedRing& ring = view.ring();
  std::uint64_t& newest_row = row_of_newest_[ring_of(group).place];
  const bool is_new = newest_row != row_;
  const std::int64_t now = current.row->engine_time.us;
  if (view.group().has_empty() || ring.count() >= group.events_least ||
      (is_new && !ring.has_room(now))) {
    return Quick::kNotTaken;
  }
  const std::uint32_t event = ring.end() - (is_new ? 0 : 1);
  if (!view.mark_near(event)) return Quick::kNotTaken;
  if (is_new) ring.push(now);
  newest_row = row_;
  view.group().take_one();
  if (!group.gate) return Quick::kOpen;
  const FeatureProgram& longest = program_.features[group.gate->feature];
  return holds(longest, view, now, group.gate->least) ? Quick::kOpen : Quick::kClosed;
}

// Whether the feature of the group, which has just taken a row, holds so many events or more.
bool SharedFeatures::holds(const FeatureProgram& feature, const GroupView& view,
                           std::int64_t now_us, std::uint32_t events) {
  GroupMember& member = view.member(feature.place);
  if (view.count(member) < events) return false;
  // The member holds the newest events: the last of so many is in its window, or fewer are.
  if (const auto number = view.newest_but(events - 1)) {
    return view.ring().time(*number) > now_us - feature.window_us;
  }
  view.trim(member, now_us, feature.window_us);
  return view.count(member) >= events;
}

bool SharedFeatures::has_taken(const FeatureProgram& feature, const CurrentRow& current,
                               std::uint32_t events) {
  if (taken_.group != &program_.feature_groups[feature.group] || taken_.record != current.record) {
    return count(feature, current) >= events;
  }
  return holds(feature, *taken_.view, current.row->engine_time.us, events);
}

// Makes room for one more event in each feature of a group that may hold as many as it may.
void SharedFeatures::keep_to_limit(const FeatureGroup& group, const GroupView& view,
                                   std::int64_t now_us) {
  trim(group, view, now_us);
  for (std::uint32_t i = 0; i < view.members(); ++i) {
    GroupMember& member = view.member(i);
    if (view.count(member) < program_.features[group.features[i]].window.events_max) continue;
    view.drop_oldest(member);
    ++stats_.feature_events_lost;
  }
}

// Drops what has left the features' windows by now. What has left the longest one has left all.
void SharedFeatures::trim(const FeatureGroup& group, const GroupView& view, std::int64_t now_us) {
  const auto window_us = [&](std::uint32_t place) {
    return program_.features[group.features[place]].window_us;
  };
  const std::uint32_t longest = places_of(group).longest;
  GroupMember& most = view.member(longest);
  const GroupMember held = most;
  view.trim(most, now_us, window_us(longest));
  for (std::uint32_t i = 0; i < view.members(); ++i) {
    if (i == longest) continue;
    GroupMember& member = view.member(i);
    view.drop_likewise(member, held, most);
    view.trim(member, now_us, window_us(i));
  }
}

// The group's entry in the record, and that of its ring.
OperatorEntry* SharedFeatures::ensure_group(const FeatureGroup& group, CurrentRow& current) {
  if (current.record != nullptr) {
    if (OperatorEntry* const entry = RecordStore::find(current.record, group.op)) return entry;
  }
  KeySlot& slot = *current.slot;
  const std::uint32_t ring_op = ring_of(group).op;
  const auto members = static_cast<std::uint32_t>(group.features.size());
  const std::uint32_t words = EventGroup::words(members, group.has_sums);
  if (entry_of(current, ring_op) == nullptr) {
    const RingShape shape{SharedRing::kCapacityLeast, false, group.has_sums};
    store_.ensure(slot, shape.words() + words, ring_op, current.event);
    current.record = store_.base(slot);
    const Offset place = RecordStore::cut(current.record, shape.words());
    RecordStore::at<SharedRing>(current.record, place)->start(shape);
    RecordStore::set_state(current.record, ring_op, place);
  }
  store_.ensure(slot, words, group.op, current.event);
  current.record = store_.base(slot);
  const Offset place = RecordStore::cut(current.record, words);
  std::fill_n(RecordStore::at<std::uint64_t>(current.record, place), words, 0);
  RecordStore::at<EventGroup>(current.record, place)->mark_empty();
  RecordStore::set_state(current.record, group.op, place);
  return RecordStore::find(current.record, group.op);
}

// The group as it now is in the record.
GroupView SharedFeatures::view_now(const FeatureGroup& group, const CurrentRow& current) const {
  return view_of(current.record, group, RecordStore::find(current.record, group.op)->state);
}

// The groups of the record that look at the ring, into listed_.
void SharedFeatures::list_groups(std::byte* record, const SharedRingProgram& ring) {
  listed_.clear();
  const std::span<const OperatorEntry> entries = RecordStore::operators_of(record);
  const auto list = [&](const FeatureGroup& group, const OperatorEntry& entry) {
    listed_.push_back({&group, view_of(record, group, entry.state)});
  };
  if (groups_[ring.place].size() < entries.size()) {
    for (const FeatureGroup* const group : groups_[ring.place]) {
      const OperatorEntry* const entry =
          RecordStore::find(record, group->op, places_of(*group).listed);
      if (entry != nullptr) list(*group, *entry);
    }
    return;
  }
  for (const OperatorEntry& entry : entries) {
    const OperatorProgram& op = program_.tables[ring.table].operators[entry.op - 1];
    if (op.kind != OperatorKind::kGroup) continue;
    const FeatureGroup& group = program_.feature_groups[op.index];
    if (&ring_of(group) == &ring) list(group, entry);
  }
}

// ---- the ring's memory

// Makes room for the current row, and for values where they are wanted. Whether views of the groups
// are void.
bool SharedFeatures::make_room(const SharedRingProgram& program, CurrentRow& current,
                               bool with_values) {
  const std::int64_t now = current.row->engine_time.us;
  list_groups(current.record, program);
  SharedRing* ring = &listed_.front().view.ring();
  for (const Listed& listed : listed_) trim(*listed.group, listed.view, now);
  const bool lacks_values = with_values && !ring->has_values();
  if (!lacks_values && drop_front(*ring) && ring->has_room(now)) return false;
  const bool holds_values = find_held(*ring);
  lay_out_anew(*ring);
  const RingShape shape = shape_for(ring->shape(), now, with_values || holds_values);
  if (shape == ring->shape()) {
    put_held(*ring);
    return false;
  }
  ring->clear();
  store_.ensure(*current.slot, shape.words(), program.op, current.event);
  current.record = store_.base(*current.slot);
  const Offset place = RecordStore::cut(current.record, shape.words());
  ring = RecordStore::at<SharedRing>(current.record, place);
  ring->start(shape);
  put_held(*ring);
  RecordStore::set_state(current.record, program.op, place);
  return true;
}

// Drops the oldest events that no feature holds. False where they are few for the work that it was
// to find them.
bool SharedFeatures::drop_front(SharedRing& ring) const {
  std::uint32_t gone = ring.count();
  for (const Listed& listed : listed_) {
    if (!listed.view.is_empty()) gone = std::min(gone, listed.view.oldest() - ring.first());
  }
  if (gone == 0 || gone < listed_.size() / 16) return false;
  ring.drop_front(gone);
  return true;
}

// Which of the ring's events some feature holds, into held_. Whether one holds values.
bool SharedFeatures::find_held(const SharedRing& ring) {
  bool holds_values = false;
  held_.assign((ring.count() + 63) / 64 + 1, 0);  // a chunk may reach into one word more
  for (const Listed& listed : listed_) {
    listed.view.for_each_chunk([&](const EventChunk& chunk) {
      const std::uint32_t place = chunk.start - ring.first();
      held_[place / 64] |= std::uint64_t{chunk.bits} << (place % 64);
      if (place % 64 > 32) held_[place / 64 + 1] |= std::uint64_t{chunk.bits} >> (64 - place % 64);
    });
    holds_values = holds_values || (listed.group->has_sums && !listed.view.is_empty());
  }
  return holds_values;
}

// Copies the held events to times_ and values_, and gives them numbers from 0 on in all groups.
void SharedFeatures::lay_out_anew(const SharedRing& ring) {
  times_.clear();
  values_.clear();
  held_before_.clear();
  for (std::size_t w = 0; w < held_.size(); ++w) {
    held_before_.push_back(static_cast<std::uint32_t>(times_.size()));
    for (std::uint64_t bits = held_[w]; bits != 0; bits &= bits - 1) {
      const auto place =
          static_cast<std::uint32_t>(w * 64) + static_cast<std::uint32_t>(std::countr_zero(bits));
      times_.push_back(ring.time(ring.first() + place));
      values_.push_back(ring.value(ring.first() + place));
    }
  }
  for (const Listed& listed : listed_) {
    listed.view.renumber([&](std::uint32_t number) {
      const std::uint32_t place = number - ring.first();
      const std::uint64_t below = (std::uint64_t{1} << (place % 64)) - 1;
      return held_before_[place / 64] +
             static_cast<std::uint32_t>(std::popcount(held_[place / 64] & below));
    });
  }
}

// The shape of a ring of the held events and one of this time.
RingShape SharedFeatures::shape_for(const RingShape& shape, std::int64_t time_us,
                                    bool has_values) const {
  const auto held = static_cast<std::uint32_t>(times_.size());
  const auto few = static_cast<std::uint32_t>(listed_.size() / 16);
  RingShape fitting{shape.capacity, false, has_values};
  if (shape.capacity < held + std::max({held / 4, few, 1U})) {
    fitting.capacity = held + std::max({held / 2, few, SharedRing::kCapacityLeast});
  }
  const std::int64_t base = times_.empty() ? time_us : times_.front();
  const auto is_far = [&](std::int64_t time) { return !SharedRing::is_narrow(time - base); };
  fitting.wide_times = is_far(time_us) || std::any_of(times_.begin(), times_.end(), is_far);
  return fitting;
}

void SharedFeatures::put_held(SharedRing& ring) const {
  ring.clear();
  for (std::size_t i = 0; i < times_.size(); ++i) {
    ring.push(times_[i]);
    if (ring.has_values()) ring.set_value(static_cast<std::uint32_t>(i), values_[i]);
  }
}

// Room to make the ring's newest event one of the group's.
void SharedFeatures::make_chunk_room(const FeatureGroup& group, CurrentRow& current,
                                     const GroupView& view) {
  const std::uint32_t event = view.ring().end() - 1;
  trim(group, view, current.row->engine_time.us);
  view.drop_old_chunks();
  const std::uint32_t needed = view.chunks_for(event);
  if (needed + needed / 4 <= view.chunk_capacity()) return;
  const std::uint32_t capacity = needed + std::max(needed / 2, 1U);
  const std::uint32_t words = EventChunks::words(capacity);
  store_.ensure(*current.slot, words, group.op, current.event);
  current.record = store_.base(*current.slot);
  const Offset place = RecordStore::cut(current.record, words);
  auto* const fresh = RecordStore::at<EventChunks>(current.record, place);
  *fresh = {0, capacity};
  EventGroup& grown = view_now(group, current).group();
  if (grown.older != 0) {
    auto* const old = RecordStore::at<EventChunks>(current.record, grown.older);
    fresh->count = old->count;
    std::copy_n(old->chunks(), old->count, fresh->chunks());
  }
  grown.older = place;
}

// ---- reading

Value SharedFeatures::read(const FeatureProgram& feature, const CurrentRow& current) {
  const OperatorEntry* const entry = entry_of(current, feature.op);
  if (entry == nullptr) return value_of_events(*feature.feature, 0, 0);
  const GroupView view = view_of(current.record, feature, *entry);
  GroupMember& member = view.member(feature.place);
  view.trim(member, current.row->engine_time.us, feature.window_us);
  return value_of_events(*feature.feature, view.count(member),
                         feature.window.has_value ? view.sum(member) : 0);
}

std::uint32_t SharedFeatures::count(const FeatureProgram& feature, const CurrentRow& current) {
  const OperatorEntry* const entry = entry_of(current, feature.op);
  if (entry == nullptr) return 0;
  const GroupView view = view_of(current.record, feature, *entry);
  GroupMember& member = view.member(feature.place);
  view.trim(member, current.row->engine_time.us, feature.window_us);
  return view.count(member);
}

Value SharedFeatures::look_at(const FeatureProgram& feature, const std::byte* record,
                              std::int64_t now_us) {
  auto* const mutable_record = const_cast<std::byte*>(record);
  const OperatorEntry* const entry =
      record == nullptr ? nullptr : RecordStore::find(mutable_record, feature.op);
  if (entry == nullptr) return value_of_events(*feature.feature, 0, 0);
  const GroupView view = view_of(mutable_record, feature, *entry);
  const GroupMember& member = view.member(feature.place);
  std::uint32_t left = view.count(member);
  Int128 sum = feature.window.has_value ? view.sum(member) : 0;
  for (std::uint32_t event = member.first; left > 0; event = view.next(event)) {
    if (view.ring().time(event) > now_us - feature.window_us) break;
    if (feature.window.has_value) sum -= view.ring().value(event);
    if (--left == 0) break;
  }
  return value_of_events(*feature.feature, left, sum);
}

// ---- forgetting

std::int64_t SharedFeatures::expiry(const FeatureGroup& group, std::byte* record,
                                    const OperatorEntry& entry, std::int64_t now_us) {
  const GroupView view = view_of(record, group, entry.state);
  std::int64_t until = WindowState::kDead;
  for (std::uint32_t i = 0; i < view.members(); ++i) {
    const FeatureProgram& feature = program_.features[group.features[i]];
    GroupMember& member = view.member(i);
    view.trim(member, now_us, feature.window_us);
    if (view.count(member) == 0) {
      view.forget(member);
    } else {
      until = std::max(until, view.ring().time(view.newest()) + feature.window_us);
    }
  }
  if (until != WindowState::kDead) alive_[ring_of(group).place] = true;
  return until;
}

bool SharedFeatures::forget(const FeatureGroup& group, std::byte* record,
                            const OperatorEntry& entry, const std::vector<std::uint32_t>& places) {
  const GroupView view = view_of(record, group, entry.state);
  for (const std::uint32_t place : places) view.forget(view.member(place));
  for (std::uint32_t i = 0; i < view.members(); ++i) {
    if (view.is_here(view.member(i))) {
      alive_[ring_of(group).place] = true;
      return false;
    }
  }
  return true;
}

bool SharedFeatures::is_ring_dead(const SharedRingProgram& ring) {
  const bool is_alive = alive_[ring.place];
  alive_[ring.place] = false;
  return !is_alive;
}
}  // namespace tocsin::cep

#include "cep/match/feature_store.h"

#include <algorithm>

#include "cep/aggregate/feature_state.h"
#include "cep/alert/current_row.h"
#include "cep/eval/eval.h"
#include "cep/plan/feature.h"
#include "cep/plan/zone.h"

namespace tocsin::cep {
namespace {
// More than any record has room for was not written.
constexpr std::uint32_t kRingEventsMax = std::uint32_t{1} << 28;
}  // namespace

void FeatureStore::take(const FeatureProgram& feature, CurrentRow& current, const Value& value) {
  if (feature.in_ring) {
    take_into_ring(feature, current, value);
    return;
  }
  Word word = 0;
  WindowMemory& memory = windows_->memory();
  if (feature.window.has_value) {
    const std::optional<Word> known = word_of(value, feature.window, memory);
    if (!known) {
      ++stats_.values_missing;
      if (feature.window.takes_all) pass(feature, current);
      return;
    }
    word = *known;
  }
  WindowState& window = window_of(feature, current);
  const std::uint64_t lost = memory.events_lost;
  window.take(current.row->engine_time, word);
  stats_.feature_events_lost += memory.events_lost - lost;
}

void FeatureStore::take_row(const FeatureProgram& feature, CurrentRow& current) {
  if (current.record != nullptr) {
    const OperatorEntry* const entry = RecordStore::find(current.record, feature.op);
    if (entry != nullptr) {
      auto* const ring = RecordStore::at<RingHeader>(current.record, entry->state);
      // What has left the window goes when its place is wanted.
      if (ring->count < feature.window.events_max && push_time(ring, current.row->engine_time.us)) {
        return;
      }
    }
  }
  take_into_ring(feature, current, Value::missing());
}

void FeatureStore::pass(const FeatureProgram& feature, CurrentRow& current) {
  WindowState& window = window_of(feature, current);
  const std::uint64_t lost = windows_->memory().events_lost;
  window.pass(current.row->engine_time);
  stats_.feature_events_lost += windows_->memory().events_lost - lost;
}

WindowState& FeatureStore::window_of(const FeatureProgram& feature, CurrentRow& current) {
  const OperatorEntry* entry =
      current.record != nullptr ? RecordStore::find(current.record, feature.op) : nullptr;
  if (entry != nullptr) return windows_->at(entry->state);
  const std::uint32_t number = windows_->make(feature.window);
  store_.ensure(*current.slot, 0, feature.op, current.event);
  current.record = store_.base(*current.slot);
  RecordStore::set_state(current.record, feature.op, number);
  return windows_->at(number);
}

void FeatureStore::take_into_ring(const FeatureProgram& feature, CurrentRow& current,
                                  const Value& value) {
  const std::int64_t now = current.row->engine_time.us;
  if (value.number < INT64_MIN || value.number > INT64_MAX) {
    ++stats_.values_missing;
    return;
  }
  KeySlot& slot = *current.slot;
  OperatorEntry* entry =
      current.record != nullptr ? RecordStore::find(current.record, feature.op) : nullptr;
  if (entry == nullptr) {
    const RingHeader fresh = make_ring(*feature.feature, 0);
    const std::uint32_t words = ring_words(fresh.capacity, fresh.wide_times != 0, fresh.value);
    store_.ensure(slot, words, feature.op, current.event);
    current.record = store_.base(slot);
    const Offset place = RecordStore::cut(current.record, words);
    auto* ring = RecordStore::at<RingHeader>(current.record, place);
    start_ring(fresh, ring);
    RecordStore::set_state(current.record, feature.op, place);
    push_ring(ring, now, value);
    return;
  }
  auto* ring = RecordStore::at<RingHeader>(current.record, entry->state);
  trim_ring(ring, now, feature.window_us);
  if (ring->count >= feature.window.events_max) {
    drop_oldest(ring);
    ++stats_.feature_events_lost;
  }
  if (ring->count == ring->capacity) {
    const std::uint32_t capacity = ring->capacity + std::max(ring->capacity / 2, 4U);
    const std::uint32_t words = ring_words(capacity, ring->wide_times != 0, ring->value);
    if (store_.ensure(slot, words, feature.op, current.event)) {
      current.record = store_.base(slot);
      entry = RecordStore::find(current.record, feature.op);
      ring = RecordStore::at<RingHeader>(current.record, entry->state);
    }
    const Offset place = RecordStore::cut(current.record, words);
    auto* grown = RecordStore::at<RingHeader>(current.record, place);
    grown->capacity = capacity;
    copy_ring(*ring, grown);
    RecordStore::set_state(current.record, feature.op, place);
    ring = grown;
  }
  push_ring(ring, now, value);
}

Value FeatureStore::read(const FeatureProgram& feature, const CurrentRow& current) {
  if (feature.is_shared) return SharedFeatures::read(feature, current);
  const OperatorEntry* entry =
      current.record != nullptr ? RecordStore::find(current.record, feature.op) : nullptr;
  if (feature.in_ring) {
    RingHeader* ring = nullptr;
    if (entry != nullptr) {
      ring = RecordStore::at<RingHeader>(current.record, entry->state);
      trim_ring(ring, current.row->engine_time.us, feature.window_us);
    }
    return read_ring(ring, *feature.feature);
  }
  const bool is_today = feature.feature->window.kind() == WindowKind::kCalendar;
  const Zone* zone = is_today ? zone_of(feature, current) : nullptr;
  if (is_today && zone == nullptr) return Value::missing();
  if (entry == nullptr) return value_without_window(feature.window);
  return windows_->at(entry->state).read(current.row->engine_time, zone);
}

std::uint32_t FeatureStore::count_in_ring(const FeatureProgram& feature,
                                          const CurrentRow& current) {
  if (feature.is_shared) return SharedFeatures::count(feature, current);
  const OperatorEntry* entry =
      current.record != nullptr ? RecordStore::find(current.record, feature.op) : nullptr;
  if (entry == nullptr) return 0;
  auto* ring = RecordStore::at<RingHeader>(current.record, entry->state);
  trim_ring(ring, current.row->engine_time.us, feature.window_us);
  return ring->count;
}

bool FeatureStore::has_in_ring(const CountGate& gate, const CurrentRow& current) {
  const FeatureProgram& feature = program_.features[gate.feature];
  if (feature.is_shared) return shared_.has_taken(feature, current, gate.least);
  const OperatorEntry* const entry =
      current.record != nullptr ? RecordStore::find(current.record, feature.op) : nullptr;
  return entry != nullptr &&
         has_in_window(*RecordStore::at<RingHeader>(current.record, entry->state), gate.least,
                       current.row->engine_time.us, feature.window_us);
}

const Zone* FeatureStore::zone_of(const FeatureProgram& feature, const CurrentRow& current) const {
  const Expr& zone = *feature.feature->window.zone();
  if (zone.op == Op::kLiteral) return feature.zone;
  EvalScope scope{program_};
  scope.batch = batch_;
  const Value name = evaluate(zone, EventView{current.row, nullptr}, scope);
  return name.is_missing() ? nullptr : find_zone(program_.plan->zones, name.text);
}

std::int64_t FeatureStore::expiry(const FeatureProgram& feature, std::byte* record,
                                  const OperatorEntry& entry, std::int64_t now_us) {
  if (!feature.in_ring) {
    const std::int64_t until = windows_->at(entry.state).expiry({now_us});
    if (until == WindowState::kDead) windows_->free(entry.state);
    return until;
  }
  auto* ring = RecordStore::at<RingHeader>(record, entry.state);
  trim_ring(ring, now_us, feature.window_us);
  return ring->count == 0 ? WindowState::kDead : newest_in_ring(*ring) + feature.window_us;
}

void FeatureStore::save(const FeatureProgram& feature, const std::byte* record,
                        const OperatorEntry& entry, ByteWriter& to) const {
  if (feature.in_ring) {
    save_ring(*RecordStore::at<RingHeader>(record, entry.state), feature.window_us, to);
  } else {
    windows_->at(entry.state).save(to);
  }
}

bool FeatureStore::restore(const FeatureProgram& feature, KeySlot& slot, ByteReader& from) {
  Offset event = 0;
  if (!feature.in_ring) {
    const std::uint32_t number = windows_->make(feature.window);
    if (!windows_->at(number).restore(from)) {
      windows_->free(number);
      return false;
    }
    store_.ensure(slot, 0, feature.op, event);
    RecordStore::set_state(store_.base(slot), feature.op, number);
    return true;
  }
  const std::optional<std::uint32_t> count = restore_ring_count(from);
  if (!count || *count > kRingEventsMax) return false;
  const RingHeader fresh = make_ring(*feature.feature, *count);
  const std::uint32_t words = ring_words(fresh.capacity, fresh.wide_times != 0, fresh.value);
  store_.ensure(slot, words, feature.op, event);
  std::byte* const record = store_.base(slot);
  const Offset place = RecordStore::cut(record, words);
  auto* ring = RecordStore::at<RingHeader>(record, place);
  start_ring(fresh, ring);
  if (!restore_ring(ring, *feature.feature, *count, from)) return false;
  RecordStore::set_state(record, feature.op, place);
  return true;
}
}  // namespace tocsin::cep

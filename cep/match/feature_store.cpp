#include "cep/match/feature_store.h"

#include <algorithm>

#include "cep/alert/current_row.h"
#include "cep/eval/eval.h"
#include "cep/plan/feature.h"
#include "cep/plan/zone.h"
#include "cep/ring/feature_state.h"

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
  take_word(feature, current, word, true);
}

void FeatureStore::pass(const FeatureProgram& feature, CurrentRow& current) {
  take_word(feature, current, 0, false);
}

void FeatureStore::take_word(const FeatureProgram& feature, CurrentRow& current, Word word,
                             bool counts) {
  if (feature.window.flat != FlatForm::kNone && take_flat(feature, current, word, counts)) return;
  WindowState& window = window_of(feature, current);
  const std::uint64_t lost = windows_->memory().events_lost;
  if (counts) {
    window.take(current.row->engine_time, word);
  } else {
    window.pass(current.row->engine_time);
  }
  stats_.feature_events_lost += windows_->memory().events_lost - lost;
}

// False where the key's window is one of the pool, or has become one: it has not taken the event.
bool FeatureStore::take_flat(const FeatureProgram& feature, CurrentRow& current, Word word,
                             bool counts) {
  const EventTime now = current.row->engine_time;
  OperatorEntry* entry =
      current.record != nullptr ? RecordStore::find(current.record, feature.op) : nullptr;
  if (entry == nullptr) {
    const Offset place = cut_words(current, feature.op, FlatWindow::words_of_new(feature.window));
    flat_window(feature, current.record, place).start();
    RecordStore::set_state(current.record, feature.op, place);
    entry = RecordStore::find(current.record, feature.op);
  }
  if (entry->is_pooled()) return false;
  FlatWindow window = flat_window(feature, current.record, entry->state);
  if (window.take(now, word, counts)) return true;
  const std::uint32_t events = window.larger();
  if (events == 0) {
    const std::uint32_t number = windows_->make(feature.window);
    window.move_to(windows_->at(number));
    entry->state = number | OperatorEntry::kPooled;
    return false;
  }
  const Offset place =
      cut_words(current, feature.op, FlatWindow::words_for(feature.window, events));
  const Offset before = RecordStore::find(current.record, feature.op)->state;
  flat_window(feature, current.record, before)
      .move_to(RecordStore::at<std::uint64_t>(current.record, place), events)
      .take(now, word, counts);
  RecordStore::set_state(current.record, feature.op, place);
  return true;
}

// Words of the record, which is made or moved if need be.
Offset FeatureStore::cut_words(CurrentRow& current, std::uint32_t op, std::uint32_t words) {
  store_.ensure(*current.slot, words, op, current.event);
  current.record = store_.base(*current.slot);
  return RecordStore::cut(current.record, words);
}

WindowState& FeatureStore::window_of(const FeatureProgram& feature, CurrentRow& current) {
  const OperatorEntry* entry =
      current.record != nullptr ? RecordStore::find(current.record, feature.op) : nullptr;
  if (entry != nullptr) return windows_->at(entry->pooled());
  const std::uint32_t number = windows_->make(feature.window);
  cut_words(current, feature.op, 0);
  RecordStore::set_state(current.record, feature.op, number | OperatorEntry::kPooled);
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
  const EventTime now = current.row->engine_time;
  if (!entry->is_pooled()) return flat_window(feature, current.record, entry->state).read(now);
  return windows_->at(entry->pooled()).read(now, zone);
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
    if (!entry.is_pooled()) {
      return flat_window(feature, record, entry.state).expiry({now_us});
    }
    const std::int64_t until = windows_->at(entry.pooled()).expiry({now_us});
    if (until == WindowState::kDead) windows_->free(entry.pooled());
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
  } else if (entry.is_pooled()) {
    windows_->at(entry.pooled()).save(to);
  } else {
    flat_window(feature, const_cast<std::byte*>(record), entry.state).save(to);
  }
}

void FeatureStore::release(const FeatureProgram& feature, std::byte* record,
                           const OperatorEntry& entry) {
  if (feature.in_ring) return;
  if (entry.is_pooled()) {
    windows_->free(entry.pooled());
  } else {
    flat_window(feature, record, entry.state).release();
  }
}

bool FeatureStore::restore_flat(const FeatureProgram& feature, KeySlot& slot, std::uint32_t events,
                                ByteReader& from) {
  Offset event = 0;
  const std::uint32_t words = feature.window.flat == FlatForm::kTotal
                                  ? FlatWindow::words_of_new(feature.window)
                                  : FlatWindow::words_for(feature.window, events);
  store_.ensure(slot, words, feature.op, event);
  std::byte* const record = store_.base(slot);
  const Offset place = RecordStore::cut(record, words);
  FlatWindow window = flat_window(feature, record, place);
  window.start(events);
  if (!window.restore(from)) return false;
  RecordStore::set_state(record, feature.op, place);
  return true;
}

bool FeatureStore::restore(const FeatureProgram& feature, KeySlot& slot, ByteReader& from) {
  Offset event = 0;
  if (!feature.in_ring) {
    if (const auto events = FlatWindow::events_to_restore(feature.window, from)) {
      return restore_flat(feature, slot, *events, from);
    }
    const std::uint32_t number = windows_->make(feature.window);
    if (!windows_->at(number).restore(from)) {
      windows_->free(number);
      return false;
    }
    store_.ensure(slot, 0, feature.op, event);
    RecordStore::set_state(store_.base(slot), feature.op, number | OperatorEntry::kPooled);
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

/// The window of `count`, `sum` or `avg` over `last D` or `previous D` for one key: a ring of the
/// times, and values, of the events in it, with an exact running sum.
///
/// Layout in a record: RingHeader, the sum of kNumber (two words: low, high), then `capacity` times
/// (u32 microseconds after `base_us`, which a window up to 71 minutes needs; i64 for longer ones),
/// padded to a word, then `capacity` values: none for count, an i64 for ints and decimals, whose
/// sum is kept in 128 bits. What else features look at is in windows
/// (cep/aggregate/feature_window.h).
///
/// Every read leaves out what has left the window by then; when the events themselves are dropped
/// is invisible: a ring may hold events that no window reaches any more.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/int128.h"
#include "cep/value/value.h"

namespace tocsin::cep {
enum class RingValue : std::uint8_t { kNone, kNumber };

struct RingHeader {
  std::uint32_t count = 0;
  std::uint32_t head = 0;  // place of the oldest
  std::uint32_t capacity = 0;
  std::uint8_t wide_times = 0;
  RingValue value = RingValue::kNone;
  std::uint16_t unused = 0;
  std::int64_t base_us = 0;

  /// Where the event of this number is, counted from the oldest. Capacities need not be powers of
  /// two.
  std::uint32_t place_of(std::uint32_t index) const {
    const std::uint32_t place = head + index;
    return place < capacity ? place : place - capacity;
  }
  /// The time of the event of this number.
  std::int64_t time_at(std::uint32_t index) const {
    const std::uint32_t place = place_of(index);
    if (wide_times != 0) return times<std::int64_t>()[place];
    return base_us + times<std::uint32_t>()[place];
  }
  /// Behind the header, and the sum where it has values.
  template <typename T>
  const T* times() const {
    const auto* const words = reinterpret_cast<const std::uint64_t*>(this + 1);
    return reinterpret_cast<const T*>(words + (value == RingValue::kNumber ? 2 : 0));
  }
  template <typename T>
  T* times() {
    return const_cast<T*>(static_cast<const RingHeader*>(this)->times<T>());
  }
};

/// Whether a ring holds what the feature looks at.
bool has_ring(const Feature& feature);
/// How the values of a feature's argument are kept.
RingValue ring_value_of(const Feature& feature);
/// Words of a ring of this capacity.
std::uint32_t ring_words(std::uint32_t capacity, bool wide_times, RingValue value);
/// The header of an empty ring, and the ring itself in memory of ring_words.
RingHeader make_ring(const Feature& feature, std::uint32_t capacity);
void start_ring(const RingHeader& fresh, RingHeader* ring);
/// Words of a copy that has little room to spare, and the copy.
std::uint32_t ring_words_compact(const RingHeader& ring);
void copy_ring_compact(const RingHeader& from, RingHeader* to);
/// Copies into a ring of at least as large a capacity, which `to` already says.
void copy_ring(const RingHeader& from, RingHeader* to);

/// Whether a window of this length holds so many events, one at least, or more by `now`.
inline bool has_in_window(const RingHeader& ring, std::uint32_t events, std::int64_t now_us,
                          std::int64_t window_us) {
  return ring.count >= events && ring.time_at(ring.count - events) > now_us - window_us;
}
/// Adds an event to a ring without values if that takes no more than writing its time.
inline bool push_time(RingHeader* ring, std::int64_t time_us) {
  const std::uint64_t after_base = static_cast<std::uint64_t>(time_us - ring->base_us);
  if (ring->count == 0 || ring->count == ring->capacity || ring->value != RingValue::kNone ||
      after_base > std::numeric_limits<std::uint32_t>::max() || ring->wide_times != 0) {
    return false;
  }
  ring->times<std::uint32_t>()[ring->place_of(ring->count)] =
      static_cast<std::uint32_t>(after_base);
  ++ring->count;
  return true;
}
/// Drops what has left a window of this length by `now`.
void trim_ring(RingHeader* ring, std::int64_t now_us, std::int64_t window_us);
/// Drops the oldest event; requires one.
void drop_oldest(RingHeader* ring);
/// Adds an event; requires room, a time at or after the newest, and that trim_ring() was called for
/// that time. `value` is known and fits the ring.
void push_ring(RingHeader* ring, std::int64_t time_us, const Value& value);
/// The newest event's time; requires one.
std::int64_t newest_in_ring(const RingHeader& ring);
/// The feature's value over the ring; `ring` may be null for none. Requires trim_ring at the time
/// of the read.
Value read_ring(const RingHeader* ring, const Feature& feature);

/// The feature's value over so many events of that sum (0 for count).
Value value_of_events(const Feature& feature, std::uint32_t count, Int128 sum);

/// The events of a ring as bytes that a window of this length held at the newest one: equal events
/// give equal bytes, whatever the capacity.
void save_ring(const RingHeader& ring, std::int64_t window_us, ByteWriter& to);
/// The number of events of a ring that save_ring wrote, and then the events, into an empty ring
/// with room for them. Nothing, or false, for bytes that save_ring did not write.
std::optional<std::uint32_t> restore_ring_count(ByteReader& from);
bool restore_ring(RingHeader* ring, const Feature& feature, std::uint32_t count, ByteReader& from);
/// The same events beside a ring; for count without values.
bool restore_events(const Feature& feature, std::uint32_t count, ByteReader& from,
                    std::vector<std::int64_t>& times, std::vector<std::int64_t>& values);
}  // namespace tocsin::cep

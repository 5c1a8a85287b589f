#include "cep/ring/feature_state.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "cep/base/assert.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
namespace {
constexpr std::uint32_t kHeaderWords = sizeof(RingHeader) / 8;
constexpr std::uint32_t kCapacityLeast = 4;

std::uint32_t time_words(const RingHeader& ring) {
  return ring.wide_times != 0 ? ring.capacity : (ring.capacity + 1) / 2;
}
std::uint32_t value_words(RingValue value) { return value == RingValue::kNumber ? 1 : 0; }
std::uint32_t sum_words(RingValue value) { return value == RingValue::kNumber ? 2 : 0; }
// After the header: the sum, the times, the values.
std::uint64_t* sum_of(RingHeader* ring) { return reinterpret_cast<std::uint64_t*>(ring + 1); }
std::uint64_t* values_of(RingHeader* ring) {
  return sum_of(ring) + sum_words(ring->value) + time_words(*ring);
}

Int128 get_128(const std::uint64_t* words) {
  return static_cast<Int128>(static_cast<unsigned __int128>(words[1]) << 64 | words[0]);
}
void put_128(std::uint64_t* words, Int128 number) {
  words[0] = static_cast<std::uint64_t>(number);
  words[1] = static_cast<std::uint64_t>(number >> 64);
}
}  // namespace

bool has_ring(const Feature& feature) {
  const FeatureWindow& window = feature.window;
  if (window.kind() != WindowKind::kLast && window.kind() != WindowKind::kPrevious) return false;
  if (window.excluding() || window.every() || feature.takes_all()) return false;
  if (feature.aggregate == Aggregate::kCount) return true;
  if (feature.aggregate != Aggregate::kSum && feature.aggregate != Aggregate::kAvg) return false;
  return feature.argument->type.kind == TypeKind::kInt ||
         feature.argument->type.kind == TypeKind::kDecimal;
}

RingValue ring_value_of(const Feature& feature) {
  return feature.argument ? RingValue::kNumber : RingValue::kNone;
}

std::uint32_t ring_words(std::uint32_t capacity, bool wide_times, RingValue value) {
  return kHeaderWords + sum_words(value) + (wide_times ? capacity : (capacity + 1) / 2) +
         capacity * value_words(value);
}

RingHeader make_ring(const Feature& feature, std::uint32_t capacity) {
  RingHeader ring;
  ring.capacity = std::max(capacity, kCapacityLeast);
  ring.value = ring_value_of(feature);
  // Times of one window differ by less than its length.
  const std::int64_t length = feature.window.duration()->us;
  ring.wide_times = length > std::int64_t{std::numeric_limits<std::uint32_t>::max()} ? 1 : 0;
  return ring;
}

void start_ring(const RingHeader& fresh, RingHeader* ring) {
  *ring = fresh;
  if (fresh.value == RingValue::kNumber) put_128(sum_of(ring), 0);
}

std::uint32_t ring_words_compact(const RingHeader& ring) {
  const std::uint32_t capacity = std::max(ring.count + ring.count / 4, kCapacityLeast);
  return ring_words(capacity, ring.wide_times != 0, ring.value);
}
void copy_ring_compact(const RingHeader& from, RingHeader* to) {
  to->capacity = std::max(from.count + from.count / 4, kCapacityLeast);
  copy_ring(from, to);
}

void copy_ring(const RingHeader& from, RingHeader* to) {
  RingHeader header = from;
  header.capacity = to->capacity;
  header.head = 0;
  *to = header;
  auto* source = const_cast<RingHeader*>(&from);
  const std::uint32_t width = value_words(from.value);
  if (from.value == RingValue::kNumber) put_128(sum_of(to), get_128(sum_of(source)));
  for (std::uint32_t i = 0; i < from.count; ++i) {
    const std::uint32_t place = from.place_of(i);
    if (from.wide_times != 0) {
      to->times<std::int64_t>()[i] = source->times<std::int64_t>()[place];
    } else {
      to->times<std::uint32_t>()[i] = source->times<std::uint32_t>()[place];
    }
    if (width != 0) {
      std::memcpy(values_of(to) + std::size_t{i} * width,
                  values_of(source) + std::size_t{place} * width, std::size_t{width} * 8);
    }
  }
}

void drop_oldest(RingHeader* ring) {
  if (ring->value == RingValue::kNumber) {
    const auto value = static_cast<std::int64_t>(values_of(ring)[ring->head]);
    put_128(sum_of(ring), get_128(sum_of(ring)) - value);
  }
  ring->head = ring->place_of(1);
  --ring->count;
}

void trim_ring(RingHeader* ring, std::int64_t now_us, std::int64_t window_us) {
  while (ring->count > 0 && ring->time_at(0) <= now_us - window_us) drop_oldest(ring);
}

void push_ring(RingHeader* ring, std::int64_t time_us, const Value& value) {
  TOCSIN_ASSERT(ring->count < ring->capacity, "the caller makes room");
  if (ring->count == 0) {
    ring->base_us = time_us;
    ring->head = 0;
  }
  if (ring->wide_times == 0 &&
      time_us - ring->base_us > std::int64_t{std::numeric_limits<std::uint32_t>::max()}) {
    // All that is left lies within one window, which 32 bits hold.
    const std::int64_t oldest = ring->time_at(0);
    const auto shift = static_cast<std::uint32_t>(oldest - ring->base_us);
    for (std::uint32_t i = 0; i < ring->count; ++i) {
      ring->times<std::uint32_t>()[ring->place_of(i)] -= shift;
    }
    ring->base_us = oldest;
  }
  const std::uint32_t place = ring->place_of(ring->count);
  if (ring->wide_times != 0) {
    ring->times<std::int64_t>()[place] = time_us;
  } else {
    ring->times<std::uint32_t>()[place] = static_cast<std::uint32_t>(time_us - ring->base_us);
  }
  if (ring->value == RingValue::kNumber) {
    values_of(ring)[place] = static_cast<std::uint64_t>(value.number);
    put_128(sum_of(ring), get_128(sum_of(ring)) + value.number);
  }
  ++ring->count;
}

std::int64_t newest_in_ring(const RingHeader& ring) { return ring.time_at(ring.count - 1); }

Value read_ring(const RingHeader* const_ring, const Feature& feature) {
  auto* ring = const_cast<RingHeader*>(const_ring);
  const std::uint32_t count = ring == nullptr ? 0 : ring->count;
  const bool has_sum = count > 0 && ring->value == RingValue::kNumber;
  return value_of_events(feature, count, has_sum ? get_128(sum_of(ring)) : 0);
}

Value value_of_events(const Feature& feature, std::uint32_t count, Int128 total) {
  if (count < feature.window.needs.value_or(0)) return Value::missing();
  if (feature.aggregate == Aggregate::kCount) return Value::integer(count);
  const bool is_sum = feature.aggregate == Aggregate::kSum;
  if (count == 0 && !is_sum) return Value::missing();
  const Type& type = feature.argument->type;
  const Value sum =
      type.kind == TypeKind::kDecimal ? Value::decimal(total, type.scale) : Value::integer(total);
  return is_sum ? sum : divide(sum, Value::integer(count));
}

void save_ring(const RingHeader& const_ring, std::int64_t window_us, ByteWriter& to) {
  auto* ring = const_cast<RingHeader*>(&const_ring);
  std::uint32_t first = 0;
  while (first + 1 < ring->count && ring->time_at(first) <= newest_in_ring(*ring) - window_us) {
    ++first;
  }
  to.varint(ring->count - first);
  for (std::uint32_t i = first; i < ring->count; ++i) {
    if (i == first) {
      to.signed_varint(ring->time_at(i));
    } else {
      to.varint(static_cast<std::uint64_t>(ring->time_at(i) - ring->time_at(i - 1)));
    }
    if (ring->value == RingValue::kNumber) {
      to.signed_varint(static_cast<std::int64_t>(values_of(ring)[ring->place_of(i)]));
    }
  }
}

std::optional<std::uint32_t> restore_ring_count(ByteReader& from) {
  const std::uint64_t count = from.varint_up_to(from.left());
  if (!from.ok() || count > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(count);
}

namespace {
// So many events, each given to `push`.
template <typename Push>
bool read_events(const Feature& feature, std::uint32_t count, ByteReader& from, Push&& push) {
  const bool has_value = ring_value_of(feature) == RingValue::kNumber;
  std::int64_t time = 0;
  std::int64_t end = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i == 0) {
      time = from.signed_varint();
      if (time < kEventTimeMin.us || time > kEventTimeMax.us) return false;
      // Younger than the window is long, which is what the ring's times have room for.
      end = std::min(kEventTimeMax.us, time + feature.window.duration()->us - 1);
    } else {
      const std::int64_t room = end - time;
      time += static_cast<std::int64_t>(from.varint_up_to(static_cast<std::uint64_t>(room)));
    }
    const std::int64_t value = has_value ? from.signed_varint() : 0;
    if (!from.ok()) return false;
    push(time, value);
  }
  return from.ok();
}
}  // namespace

bool restore_ring(RingHeader* ring, const Feature& feature, std::uint32_t count, ByteReader& from) {
  const bool has_value = ring->value == RingValue::kNumber;
  return read_events(feature, count, from, [&](std::int64_t time, std::int64_t value) {
    push_ring(ring, time, has_value ? Value::integer(value) : Value::missing());
  });
}

bool restore_events(const Feature& feature, std::uint32_t count, ByteReader& from,
                    std::vector<std::int64_t>& times, std::vector<std::int64_t>& values) {
  const bool has_value = ring_value_of(feature) == RingValue::kNumber;
  return read_events(feature, count, from, [&](std::int64_t time, std::int64_t value) {
    times.push_back(time);
    if (has_value) values.push_back(value);
  });
}
}  // namespace tocsin::cep

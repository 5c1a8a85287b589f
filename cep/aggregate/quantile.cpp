#include "cep/aggregate/quantile.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "cep/base/assert.h"

namespace tocsin::cep {
namespace {
// The exponent and the first six bits of the mantissa.
constexpr int kShift = 46;
std::int32_t bucket_of(double value) {
  const auto magnitude = std::bit_cast<std::uint64_t>(std::fabs(value)) >> kShift;
  const auto place = static_cast<std::int32_t>(magnitude);
  return value < 0 ? -place - 1 : place;
}
double middle_of(std::int32_t bucket) {
  const bool negative = bucket < 0;
  const auto place = static_cast<std::uint64_t>(negative ? -(bucket + 1) : bucket);
  if (place == 0) return 0;
  const double value = std::bit_cast<double>(place << kShift | std::uint64_t{1} << (kShift - 1));
  return negative ? -value : value;
}
}  // namespace

std::uint64_t nearest_rank(double percent, std::uint64_t count) {
  const double rank = std::ceil(percent * static_cast<double>(count) / 100.0);
  return std::clamp<std::uint64_t>(rank < 1 ? 1 : static_cast<std::uint64_t>(rank), 1, count);
}

void QuantileSketch::change(std::int32_t bucket, std::uint64_t by, bool add) {
  const auto place =
      std::lower_bound(buckets_.begin(), buckets_.end(), bucket,
                       [](const Bucket& b, std::int32_t wanted) { return b.first < wanted; });
  const bool found = place != buckets_.end() && place->first == bucket;
  if (add) {
    if (found) {
      place->second += by;
    } else {
      buckets_.insert(place, {bucket, by});
    }
    return;
  }
  TOCSIN_ASSERT(found && place->second >= by, "what is removed was added");
  place->second -= by;
  if (place->second == 0) buckets_.erase(place);
}

void QuantileSketch::add(double value) { change(bucket_of(value), 1, true); }
void QuantileSketch::remove(double value) { change(bucket_of(value), 1, false); }
void QuantileSketch::add(const QuantileSketch& other) {
  for (const auto& [bucket, count] : other.buckets_) change(bucket, count, true);
}
void QuantileSketch::remove(const QuantileSketch& other) {
  for (const auto& [bucket, count] : other.buckets_) change(bucket, count, false);
}

double QuantileSketch::value_at(std::uint64_t rank) const {
  std::uint64_t below = 0;
  for (const auto& [bucket, count] : buckets_) {
    below += count;
    if (below >= rank) return middle_of(bucket);
  }
  TOCSIN_ASSERT(false, "the rank is of a value that was added");
}

void QuantileSketch::save(ByteWriter& to) const {
  to.varint(buckets_.size());
  std::int64_t before = 0;
  for (const auto& [bucket, count] : buckets_) {
    to.signed_varint(bucket - before);
    to.varint(count);
    before = bucket;
  }
}
bool QuantileSketch::restore(ByteReader& from, std::uint64_t count) {
  const std::uint64_t buckets = from.varint_up_to(from.left());
  constexpr std::int64_t kPlaces = std::int64_t{0x7ff} << (52 - kShift);  // of finite floats
  std::int64_t bucket = 0;
  for (std::uint64_t i = 0; i < buckets; ++i) {
    const std::int64_t step = from.signed_varint();
    const std::uint64_t values = from.varint_up_to(count);
    if (!from.ok() || values == 0 || (i > 0 && step <= 0) || step < -kPlaces ||
        step > 2 * kPlaces) {
      return false;
    }
    bucket += step;
    if (bucket >= kPlaces) return false;
    buckets_.emplace_back(static_cast<std::int32_t>(bucket), values);
    count -= values;
  }
  return from.ok() && count == 0;
}

void QuantileSketch::clear() { std::pmr::vector<Bucket>(buckets_.get_allocator()).swap(buckets_); }
}  // namespace tocsin::cep

#include "runtime/event_time/reorder_buffer.h"

#include <algorithm>
#include <bit>

namespace tocsin::runtime {
ReorderBuffer::ReorderBuffer(cep::Duration bound) : bound_us_(bound.us) {
  // The least width with which the bound is at most 128 buckets: with the partial ones at both ends
  // that is 130.
  const auto width = std::bit_ceil(static_cast<std::uint64_t>((bound_us_ + 127) / 128));
  shift_ = std::countr_zero(width);
  first_ = number_of(cep::kEventTimeMin);
  if (bound_us_ > 0) buckets_.resize(kBuckets);
}

void ReorderBuffer::empty(Bucket& bucket, std::vector<WaitingRow>& out) {
  if (!bucket.sorted) std::sort(bucket.rows.begin(), bucket.rows.end());
  out.insert(out.end(), bucket.rows.begin(), bucket.rows.end());
  waiting_ -= bucket.rows.size();
  bucket.rows.clear();
  bucket.sorted = true;
}

void ReorderBuffer::advance_buckets(cep::EventTime watermark, std::vector<WaitingRow>& out) {
  const std::int64_t number = number_of(watermark);
  if (number == first_) return;
  // All that waits stands in less than one turn of the wheel.
  const std::int64_t end = std::min(number, first_ + kBuckets);
  if (waiting_ != 0) {
    for (std::int64_t i = first_; i < end; ++i)
      empty(buckets_[static_cast<std::uint64_t>(i) % kBuckets], out);
  }
  first_ = number;
  settled_ = {number << shift_};
}

void ReorderBuffer::drain(std::vector<WaitingRow>& out) {
  if (bound_us_ == 0) return;
  for (std::int64_t i = first_; i < first_ + kBuckets; ++i) {
    empty(buckets_[static_cast<std::uint64_t>(i) % kBuckets], out);
  }
}

void ReorderBuffer::copy_to(std::vector<WaitingRow>& out) const {
  for (const Bucket& bucket : buckets_) {
    out.insert(out.end(), bucket.rows.begin(), bucket.rows.end());
  }
}
}  // namespace tocsin::runtime

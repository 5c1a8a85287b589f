/// Events of one source waiting for its watermark, by buckets of event time: appended as they come,
/// sorted when they leave, and only where they came out of order.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/value/time.h"

namespace tocsin::runtime {
/// A row that was decoded and waits. `place` says where it stands, and ascends in the order of
/// arrival over all sources. Ordered by (time, place).
struct WaitingRow {
  cep::EventTime time;  // engine time
  std::uint64_t place = 0;
  friend constexpr auto operator<=>(const WaitingRow&, const WaitingRow&) = default;
};

/// A wheel of 256 buckets, each a power of two of microseconds wide and the bound at most 128 of
/// them, so that what waits never spans the wheel. Rows leave by whole buckets: the settled time is
/// the watermark rounded down to one. With bound 0 rows come in order and leave at once. Invariant:
/// settled() <= every time that is or will be added; rows given out ascend. Threading: one caller
/// at a time.
class ReorderBuffer {
 public:
  /// `bound` as the source's WatermarkTracker has it.
  explicit ReorderBuffer(cep::Duration bound);
  /// Moves to the source's watermark; what that settles is appended to `out` in order.
  void advance(cep::EventTime watermark, std::vector<WaitingRow>& out) {
    if (bound_us_ == 0) {
      settled_ = watermark;
    } else {
      advance_buckets(watermark, out);
    }
  }
  /// Adds a row; its time is at or after the watermark given last, and at most the bound after it.
  void add(WaitingRow row, std::vector<WaitingRow>& out) {
    if (bound_us_ == 0) {
      out.push_back(row);
      return;
    }
    ++waiting_;
    Bucket& bucket = buckets_[static_cast<std::uint64_t>(number_of(row.time)) % kBuckets];
    bucket.sorted = bucket.sorted && (bucket.rows.empty() || bucket.rows.back() < row);
    bucket.rows.push_back(row);
  }
  /// Appends all that waits, in order: the source has ended.
  void drain(std::vector<WaitingRow>& out);
  /// Appends a copy of all that waits, in no order.
  void copy_to(std::vector<WaitingRow>& out) const;
  /// Lets go of the rows of which `is_one` says so.
  template <typename IsOne>
  void erase_if(const IsOne& is_one) {
    for (Bucket& bucket : buckets_) waiting_ -= std::erase_if(bucket.rows, is_one);
  }
  /// Every row before this time was given out, and none before it will be added.
  cep::EventTime settled() const { return settled_; }
  std::size_t waiting() const { return waiting_; }

 private:
  static constexpr std::int64_t kBuckets = 256;
  struct Bucket {
    std::vector<WaitingRow> rows;
    bool sorted = true;
  };
  // Rounds down, also before 1970.
  std::int64_t number_of(cep::EventTime time) const { return time.us >> shift_; }
  void advance_buckets(cep::EventTime watermark, std::vector<WaitingRow>& out);
  void empty(Bucket& bucket, std::vector<WaitingRow>& out);

  std::int64_t bound_us_;
  int shift_ = 0;
  std::int64_t first_ = 0;  // number of the earliest bucket that may hold rows
  cep::EventTime settled_ = cep::kEventTimeMin;
  std::size_t waiting_ = 0;
  std::vector<Bucket> buckets_;
};
}  // namespace tocsin::runtime

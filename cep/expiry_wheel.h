/// When to look at a key again, because by then it may be dead. Coarse: 64 buckets of one tick
/// each; a key stands in one of them, named by its hash, and what lies beyond the last bucket is
/// looked at early. Nothing that anyone sees depends on it: every read of state checks time itself.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace tocsin::cep {
class ExpiryWheel {
 public:
  explicit ExpiryWheel(std::int64_t tick_us) : tick_us_(tick_us) {}
  /// Asks to see a key once time is past `expiry_us`. Each key is added once, and again from its
  /// visit.
  void add(std::uint64_t hash, std::int64_t now_us, std::int64_t expiry_us);
  /// Moves to `now_us` and calls `visit(hash)` for each key whose time has come; it gives the time
  /// at which the key is to be seen again, or kGone. Before, `ahead(hash, step)` is called for it
  /// with step 0, some keys earlier, and with step 1, fewer keys earlier: to fetch its memory.
  template <typename Ahead, typename Visit>
  void advance(std::int64_t now_us, Ahead&& ahead, Visit&& visit) {
    const std::int64_t target = tick_of(now_us);
    if (entries_ == 0 || target <= current_) {
      if (target > current_) current_ = target;
      return;
    }
    const std::int64_t buckets = target - current_ < kBuckets ? target - current_ : kBuckets;
    for (std::int64_t i = 1; i <= buckets; ++i) due_.push_back(bucket_of(current_ + i));
    current_ = target;
    for (const std::size_t bucket : due_) {
      taken_.swap(buckets_[bucket]);
      entries_ -= taken_.size();
      const std::size_t count = taken_.size();
      for (std::size_t i = 0; i < std::min(2 * kAhead, count); ++i) ahead(taken_[i], 0);
      for (std::size_t i = 0; i < std::min(kAhead, count); ++i) ahead(taken_[i], 1);
      for (std::size_t i = 0; i < count; ++i) {
        if (i + 2 * kAhead < count) ahead(taken_[i + 2 * kAhead], 0);
        if (i + kAhead < count) ahead(taken_[i + kAhead], 1);
        const std::int64_t again = visit(taken_[i]);
        if (again != kGone) waiting_.push_back({taken_[i], again});
      }
      std::vector<std::uint64_t>().swap(taken_);
    }
    due_.clear();
    for (const Waiting& key : waiting_) add(key.hash, now_us, key.expiry_us);
    waiting_.clear();
  }
  static constexpr std::int64_t kGone = INT64_MIN;
  /// The tick that a time lies in.
  std::int64_t tick_of(std::int64_t us) const {
    return us >= 0 ? us / tick_us_ : -((-us + tick_us_ - 1) / tick_us_);
  }
  std::size_t bytes() const;

 private:
  static constexpr std::int64_t kBuckets = 64;
  static constexpr std::size_t kAhead = 12;
  struct Waiting {
    std::uint64_t hash = 0;
    std::int64_t expiry_us = 0;
  };
  static std::size_t bucket_of(std::int64_t tick) {
    return static_cast<std::size_t>(tick & (kBuckets - 1));
  }

  std::int64_t tick_us_;
  std::int64_t current_ = INT64_MIN / 2;  // the last tick that was looked at
  std::size_t entries_ = 0;
  std::array<std::vector<std::uint64_t>, kBuckets> buckets_;
  std::vector<std::size_t> due_;
  std::vector<std::uint64_t> taken_;
  std::vector<Waiting> waiting_;
};
}  // namespace tocsin::cep

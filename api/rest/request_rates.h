/// The limit of requests, by token or by address.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

#include "api/rest/route.h"

namespace tocsin::api {
/// How many requests each name may still make. Threading: any.
class RequestRates {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  explicit RequestRates(const RateLimit& limit) : limit_(limit) {}
  struct Answer {
    bool is_allowed = true;
    double left = 0;
    double wait_s = 0;   // until the next one
    double reset_s = 0;  // until all may be made again
  };
  Answer take(const std::string& name, Moment now) {
    const std::lock_guard lock(mutex_);
    if (buckets_.size() >= sweep_at_) forget_idle(now);
    auto [place, is_new] = buckets_.try_emplace(name, Bucket{limit_.burst, now});
    Bucket& bucket = place->second;
    const std::chrono::duration<double> passed = now - bucket.at;
    bucket.tokens = std::min(limit_.burst, bucket.tokens + passed.count() * limit_.per_second);
    bucket.at = now;
    const bool is_allowed = bucket.tokens >= 1;
    if (is_allowed) bucket.tokens -= 1;
    return {is_allowed, is_allowed ? bucket.tokens : 0,
            is_allowed ? 0 : (1 - bucket.tokens) / limit_.per_second,
            (limit_.burst - bucket.tokens) / limit_.per_second};
  }
  /// How many names are remembered.
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return buckets_.size();
  }

 private:
  struct Bucket {
    double tokens = 0;
    Moment at;
  };
  // Those that may make all again are as if they had never asked. They are looked for when there
  // are twice as many as the last time left, so that an entry costs the same however many there
  // are.
  void forget_idle(Moment now) {
    const std::chrono::duration<double> all{limit_.burst / limit_.per_second};
    std::erase_if(buckets_, [&](const auto& entry) { return now - entry.second.at >= all; });
    sweep_at_ = std::max(kSweepLeast, 2 * buckets_.size());
  }
  static constexpr std::size_t kSweepLeast = 1024;
  RateLimit limit_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
  std::size_t sweep_at_ = kSweepLeast;
};
}  // namespace tocsin::api

/// The limit of requests, by token.
#pragma once
#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

#include "api/rest/route.h"

namespace tocsin::api {
/// How many requests each token may still make. Threading: any.
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

 private:
  struct Bucket {
    double tokens = 0;
    Moment at;
  };
  RateLimit limit_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;  // by the token's name: as many as tokens
};
}  // namespace tocsin::api

/// How many deliveries a second go to one endpoint.
#pragma once
#include <algorithm>
#include <chrono>
#include <optional>

namespace tocsin::api {
/// Deliveries that an endpoint may make: refilled with the rate, one second's worth at most.
class DeliveryRate {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  void set(std::optional<double> per_second, Moment now) {
    per_second_ = per_second;
    tokens_ = per_second ? std::max(1.0, *per_second) : 0;
    at_ = now;
  }
  /// When the next one may be made.
  Moment next_at() const {
    if (!per_second_ || tokens_ >= 1) return Moment::min();
    const std::chrono::duration<double> wait((1 - tokens_) / *per_second_);
    return at_ + std::chrono::ceil<Moment::duration>(wait);
  }
  void refill(Moment now) {
    if (!per_second_ || now <= at_) return;
    const std::chrono::duration<double> passed = now - at_;
    tokens_ = std::min(std::max(1.0, *per_second_), tokens_ + passed.count() * *per_second_);
    at_ = now;
  }
  void take() { tokens_ -= per_second_ ? 1 : 0; }

 private:
  std::optional<double> per_second_;
  double tokens_ = 0;
  Moment at_;
};
}  // namespace tocsin::api

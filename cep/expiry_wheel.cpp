#include "cep/expiry_wheel.h"

#include <algorithm>

namespace tocsin::cep {
void ExpiryWheel::add(std::uint64_t hash, std::int64_t now_us, std::int64_t expiry_us) {
  const std::int64_t now = tick_of(now_us);
  if (entries_ == 0 && now > current_) current_ = now;
  // The tick after the one in which it expires, so that it is surely over when the wheel gets
  // there.
  const std::int64_t wanted = tick_of(expiry_us) + 1;
  const std::int64_t tick = std::clamp(wanted, current_ + 1, current_ + kBuckets - 1);
  buckets_[bucket_of(tick)].push_back(hash);
  ++entries_;
}

std::size_t ExpiryWheel::bytes() const {
  std::size_t sum = 0;
  for (const auto& bucket : buckets_) sum += bucket.capacity() * sizeof(std::uint64_t);
  return sum;
}
}  // namespace tocsin::cep

#include "api/delivery/delivery_figures.h"

#include <algorithm>

namespace tocsin::api {
namespace {
template <typename Bounds, typename Counts>
void count_in(const Bounds& bounds, Counts& counts, std::chrono::microseconds took) {
  const double seconds = std::chrono::duration<double>(took).count();
  ++counts[static_cast<std::size_t>(std::ranges::lower_bound(bounds, seconds) - bounds.begin())];
}
}  // namespace

void DeliveryTotals::count_attempt(const AttemptOutcome& outcome, std::uint32_t number,
                                   std::chrono::microseconds took) {
  ++(outcome.is_success() ? delivered : outcome.status != 0 ? rejected : unanswered);
  retried += number > 1 ? 1 : 0;
  count_in(kAttemptBuckets, by_latency, took);
  latency += took;
}

void DeliveryTotals::count_arrival(std::chrono::microseconds took) {
  count_in(kArrivalBuckets, by_arrival, took);
  arrival += took;
}
}  // namespace tocsin::api

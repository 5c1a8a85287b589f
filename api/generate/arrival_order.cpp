#include "api/generate/arrival_order.h"

namespace tocsin::api {
void ArrivalOrder::push(const PaymentEvent& event) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = event;
  newest_us_ = event.ts_us;
  const bool is_slow = random_.chance(400);
  const std::int64_t delay_us = random_.between(0, is_slow ? disorder_us_ : disorder_us_ / 16);
  arrivals_.push({event.ts_us + delay_us, event.number, slot});
}

bool ArrivalOrder::pop(PaymentEvent& event, bool at_end) {
  // At an equal time the one that was pushed first comes first, so the newest may go too.
  if (arrivals_.empty() || (!at_end && arrivals_.top().at_us > newest_us_)) return false;
  const std::uint32_t slot = arrivals_.top().slot;
  arrivals_.pop();
  event = slots_[slot];
  free_slots_.push_back(slot);
  return true;
}
}  // namespace tocsin::api

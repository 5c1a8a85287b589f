/// One endpoint of a delivery pool.
#pragma once
#include <cstdint>
#include <memory>
#include <set>

#include "api/delivery/delivery_figures.h"
#include "api/delivery/delivery_queue.h"
#include "api/delivery/delivery_rate.h"
#include "api/delivery/subscription.h"
#include "api/net/http_client.h"
#include "runtime/effects/effect_rows.h"

namespace tocsin::api {
/// What is owed to one subscription and how far the store has been read for it. Guarded by the
/// pool's mutex.
struct DeliveryLane {
  std::shared_ptr<const Subscription> subscription;
  std::shared_ptr<HttpClient> client;
  std::unique_ptr<DeliveryQueue> queue;
  DeliveryRate rate;
  std::uint64_t next_number = 0;                      // alerts before it have been read
  std::uint64_t next_message = runtime::kMessageBit;  // and messages before it
  std::uint64_t times_owed = UINT64_MAX;              // as of the last reading to the end
  std::set<std::uint64_t> held;                       // numbers in the queue
  bool is_removed = false;
  bool must_reset = false;  // begins anew once nothing is being sent
  DeliveryFigures figures;

  void read_again() {
    next_number = 0;
    next_message = runtime::kMessageBit;
    times_owed = UINT64_MAX;
  }
  bool is_sending_allowed() const {
    return !is_removed && !must_reset && subscription->status == SubscriptionStatus::kActive;
  }
};
}  // namespace tocsin::api

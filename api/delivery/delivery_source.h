/// Where the deliveries to one endpoint come from, and where it is kept how they went: memory and
/// files, which end with the process (api/outbox/spilled_deliveries.h), or the alert store
/// (api/outbox/stored_deliveries.h).
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>

#include "api/delivery/delivery_queue.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// A delivery to be tried.
struct OwedDelivery {
  Delivery delivery;                  // its webhook id is the outbox's to make
  std::uint32_t attempts = 0;         // made before
  std::chrono::milliseconds wait{0};  // before the next one
};

/// Threading: one thread at a time.
class DeliverySource {
 public:
  DeliverySource() = default;
  DeliverySource(const DeliverySource&) = delete;
  DeliverySource& operator=(const DeliverySource&) = delete;
  virtual ~DeliverySource() = default;

  /// The oldest delivery that was not yet given; nothing when there is none now. Errors: kIo,
  /// kCorrupt.
  virtual Result<std::optional<OwedDelivery>> next() = 0;
  /// Deliveries that next() would give.
  virtual std::uint64_t waiting() const = 0;
  /// All deliveries that were or are to be made: those found at the beginning and those added.
  virtual std::uint64_t total() const = 0;

  /// It has arrived. Errors of all below: kIo and what the store says.
  virtual Result<void> delivered(const Delivery& delivery) = 0;
  /// An attempt failed; the next one is due after `wait`.
  virtual Result<void> failed(const FailedAttempt& attempt) = 0;
  /// It is not tried again by this process.
  virtual Result<void> left_over(const Undelivered& undelivered) = 0;
  /// Keeps what next() did not give; nothing is asked after it.
  virtual Result<void> close() = 0;
};
}  // namespace tocsin::api

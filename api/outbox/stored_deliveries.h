/// Deliveries that the alert store owes to one endpoint: they outlive the process, and what is left
/// over is tried again by the next one.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "api/delivery/delivery_source.h"
#include "runtime/effects/effect_store.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
/// What a webhook's address is known by in the alert store. Errors: kInvalidArgument for what is no
/// address.
Result<runtime::EndpointId> endpoint_of_webhook(const std::string& url);

class StoredDeliveries : public DeliverySource {
 public:
  /// Borrows both. `clock` is asked when a delivery is due: a time on the wall, as it must mean
  /// something to the next process.
  StoredDeliveries(runtime::EffectStore& store, runtime::EndpointId endpoint,
                   runtime::Clock& clock);

  Result<std::optional<OwedDelivery>> next() override;
  std::uint64_t waiting() const override;
  std::uint64_t total() const override;
  Result<void> delivered(const Delivery& delivery) override;
  Result<void> failed(const FailedAttempt& attempt) override;
  Result<void> left_over(const Undelivered& undelivered) override;
  Result<void> close() override { return {}; }

 private:
  Result<void> read_on();

  runtime::EffectStore& store_;
  runtime::EndpointId endpoint_;
  runtime::Clock& clock_;
  std::uint64_t next_number_ = 0;  // rows before it have been read
  std::deque<runtime::OutboxRow> rows_;
  std::uint64_t given_ = 0;  // by next(), and not arrived
  std::uint64_t arrived_ = 0;
};
}  // namespace tocsin::api

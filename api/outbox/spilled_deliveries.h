/// Deliveries of a run that keeps nothing: they wait in a temporary file, and what is left over at
/// the end is written to the undelivered file.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/delivery/delivery_source.h"
#include "api/outbox/spill_file.h"
#include "api/outbox/undelivered_file.h"

namespace tocsin::api {
class SpilledDeliveries : public DeliverySource {
 public:
  /// `url`: as the undelivered file shows it. Errors: kIo, where that cannot be written.
  static Result<std::unique_ptr<SpilledDeliveries>> open(const std::string& undelivered_path,
                                                         std::string url);
  /// Counts a delivery that goes to memory at once.
  void pass() { ++total_; }
  /// Adds a delivery behind all that wait. Errors: kIo; it is then not owed.
  Result<void> push(std::string_view alert_id, std::uint64_t revision, std::string_view payload);

  Result<std::optional<OwedDelivery>> next() override;
  std::uint64_t waiting() const override { return spill_.count(); }
  std::uint64_t total() const override { return total_; }
  Result<void> delivered(const Delivery&) override { return {}; }
  Result<void> failed(const FailedAttempt&) override { return {}; }
  Result<void> left_over(const Undelivered& undelivered) override;
  Result<void> close() override;

 private:
  SpilledDeliveries(const std::string& undelivered_path, std::string url,
                    UndeliveredFile undelivered)
      : url_(std::move(url)), spill_(undelivered_path), undelivered_(std::move(undelivered)) {}

  std::string url_;
  SpillFile spill_;
  UndeliveredFile undelivered_;
  std::uint64_t total_ = 0;
  std::uint64_t lost_ = 0;  // in a temporary file that could not be read back
  std::string lost_reason_;
};
}  // namespace tocsin::api

#include "api/outbox/spilled_deliveries.h"

#include <fmt/format.h>

#include <utility>

namespace tocsin::api {
Result<std::unique_ptr<SpilledDeliveries>> SpilledDeliveries::open(
    const std::string& undelivered_path, std::string url) {
  Result<UndeliveredFile> undelivered = UndeliveredFile::open(undelivered_path);
  if (!undelivered) return tl::unexpected(undelivered.error());
  return std::unique_ptr<SpilledDeliveries>(
      new SpilledDeliveries(undelivered_path, std::move(url), std::move(*undelivered)));
}

Result<void> SpilledDeliveries::push(std::string_view alert_id, std::uint64_t revision,
                                     std::string_view payload) {
  if (Result<void> pushed = spill_.push(alert_id, revision, payload); !pushed) return pushed;
  ++total_;
  return {};
}

Result<std::optional<OwedDelivery>> SpilledDeliveries::next() {
  if (spill_.is_empty()) return std::nullopt;
  Result<SpillFile::Record> record = spill_.pop();
  if (!record) {
    lost_ += spill_.count();
    lost_reason_ = record.error().message;
    spill_.clear();
    return tl::unexpected(record.error());
  }
  OwedDelivery owed;
  owed.delivery.alert_id = std::move(record->alert_id);
  owed.delivery.revision = record->revision;
  owed.delivery.payload = std::move(record->payload);
  return owed;
}

Result<void> SpilledDeliveries::left_over(const Undelivered& undelivered) {
  return undelivered_.write(undelivered, url_);
}

Result<void> SpilledDeliveries::close() {
  Result<void> outcome = undelivered_.close();
  if (lost_ > 0) {
    return fail(Errc::kIo, fmt::format("{} undelivered alerts are lost: {}", lost_, lost_reason_));
  }
  return outcome;
}
}  // namespace tocsin::api

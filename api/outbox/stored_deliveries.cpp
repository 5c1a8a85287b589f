#include "api/outbox/stored_deliveries.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "api/net/webhook_url.h"

namespace tocsin::api {
namespace {
using std::chrono::milliseconds;
constexpr std::size_t kRowsAtOnce = 256;
constexpr std::size_t kErrorBytesMax = 1024;
// A clock that was set back must not hold a delivery for years.
constexpr milliseconds kWaitMax = std::chrono::hours(24);
}  // namespace

Result<runtime::EndpointId> endpoint_of_webhook(const std::string& url) {
  const Result<WebhookUrl> parsed = parse_webhook_url(url);
  if (!parsed) return tl::unexpected(parsed.error());
  return runtime::EndpointId::of(parsed->text());
}

StoredDeliveries::StoredDeliveries(runtime::EffectStore& store, runtime::EndpointId endpoint,
                                   runtime::Clock& clock)
    : store_(store), endpoint_(endpoint), clock_(clock) {}

Result<void> StoredDeliveries::read_on() {
  Result<void> read =
      store_.reader().outbox(endpoint_, next_number_, [&](const runtime::OutboxRow& row) {
        rows_.push_back(row);
        next_number_ = row.number + 1;
        return rows_.size() < kRowsAtOnce;
      });
  return read;
}

Result<std::optional<OwedDelivery>> StoredDeliveries::next() {
  if (rows_.empty()) {
    if (waiting() == 0) return std::nullopt;
    if (Result<void> read = read_on(); !read) return tl::unexpected(read.error());
    if (rows_.empty()) return std::nullopt;
  }
  const runtime::OutboxRow row = std::move(rows_.front());
  rows_.pop_front();
  ++given_;
  Result<std::optional<runtime::StoredAlert>> alert = store_.reader().alert(row.number);
  if (!alert) return tl::unexpected(alert.error());
  if (!*alert) {
    return fail(Errc::kCorrupt,
                fmt::format("the alert store owes alert number {}, which it lacks", row.number));
  }
  OwedDelivery owed;
  owed.delivery.alert_id = std::move((*alert)->id);
  owed.delivery.revision = (*alert)->revision;
  owed.delivery.payload = std::move((*alert)->line);
  owed.delivery.row = row.number;
  if (!row.is_dead) {
    owed.attempts = row.attempts;
    const milliseconds left{(row.due - clock_.now()).us / 1000};
    owed.wait = std::clamp(left, milliseconds(0), kWaitMax);
  }
  return owed;
}

std::uint64_t StoredDeliveries::waiting() const {
  const std::uint64_t owed = store_.owed(endpoint_);
  return owed - std::min(owed, given_);
}
std::uint64_t StoredDeliveries::total() const { return arrived_ + store_.owed(endpoint_); }

Result<void> StoredDeliveries::delivered(const Delivery& delivery) {
  if (Result<void> settled = store_.settle_delivery(endpoint_, delivery.row); !settled)
    return settled;
  --given_;
  ++arrived_;
  return {};
}

Result<void> StoredDeliveries::failed(const FailedAttempt& attempt) {
  runtime::OutboxRow row;
  row.number = attempt.row;
  row.attempts = attempt.attempts;
  row.due = clock_.now() + cep::Duration{attempt.wait.count() * 1000};
  row.last_status = attempt.status;
  row.last_error = attempt.error.substr(0, kErrorBytesMax);
  return store_.note_delivery(endpoint_, row);
}

Result<void> StoredDeliveries::left_over(const Undelivered& undelivered) {
  // One that was only cut off by the end of this process is as it was noted.
  if (!undelivered.is_final) return {};
  runtime::OutboxRow row;
  row.number = undelivered.delivery.row;
  row.attempts = undelivered.attempts;
  row.last_status = undelivered.last_status;
  row.last_error = undelivered.last_error.substr(0, kErrorBytesMax);
  row.is_dead = true;
  return store_.note_delivery(endpoint_, row);
}
}  // namespace tocsin::api

// What became of an alert at each subscription, and what waits.
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "api/outbox/subscription_service.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using runtime::WithheldKind;

using Attempts = std::map<runtime::EndpointId, ordered_json>;

Result<Attempts> attempts_at(const DeliveryLog& log, std::uint64_t number) {
  Attempts tried;
  const Result<void> logged =
      log.attempts_at(number, [&](runtime::EndpointId endpoint, const LoggedAttempt& attempt) {
        ordered_json row = {{"at", cep::format_time(attempt.at)}};
        if (attempt.status != 0) row["status"] = attempt.status;
        row["latency_ms"] = static_cast<double>(attempt.latency.us) / 1000;
        if (!attempt.error.empty()) row["error"] = attempt.error;
        tried[endpoint].push_back(std::move(row));
        return true;
      });
  if (!logged) return tl::unexpected(logged.error());
  return tried;
}

Result<std::optional<runtime::OutboxRow>> owed_row(const runtime::EffectReader& reader,
                                                   runtime::EndpointId endpoint,
                                                   std::uint64_t number) {
  std::optional<runtime::OutboxRow> owed;
  const Result<void> read = reader.outbox(endpoint, number, [&](const runtime::OutboxRow& row) {
    if (row.number == number) owed = row;
    return false;
  });
  if (!read) return tl::unexpected(read.error());
  return owed;
}

// What of a delivery, or a message, follows from the row that owes it; nothing owes what arrived.
void put_state(ordered_json& into, const std::optional<runtime::OutboxRow>& owed) {
  if (!owed) {
    into["state"] = name_of(DeliveryState::kDelivered);
  } else if (owed->is_dead) {
    into["state"] = name_of(DeliveryState::kDead);
  } else {
    into["state"] =
        name_of(owed->attempts > 0 ? DeliveryState::kBackingOff : DeliveryState::kPending);
    if (owed->due.us > 0) into["next_at"] = cep::format_time(owed->due);
  }
}

class DeliveryReport {
 public:
  DeliveryReport(const runtime::StoreReader& store, const runtime::EffectReader& reader,
                 const DeliveryLog& log, const runtime::StoredAlert& alert)
      : store_(store), reader_(reader), log_(log), alert_(alert) {}

  Result<void> read() {
    Result<Attempts> tried = attempts_at(log_, alert_.number);
    if (!tried) return tl::unexpected(tried.error());
    tried_ = *std::move(tried);
    Result<std::vector<runtime::WithheldRow>> withheld = reader_.withheld(alert_.number);
    if (!withheld) return tl::unexpected(withheld.error());
    for (runtime::WithheldRow& row : *withheld) withheld_.emplace(row.endpoint, std::move(row));
    return {};
  }

  // Null where the alert was not for it.
  Result<ordered_json> at(const Subscription& subscription) const {
    const runtime::EndpointId endpoint = subscription.endpoint();
    const auto withheld = withheld_.find(endpoint);
    if (withheld != withheld_.end()) return withheld_from(subscription, withheld->second);
    const auto owed = owed_row(reader_, endpoint, alert_.number);
    if (!owed) return tl::unexpected(owed.error());
    const auto attempts = tried_.find(endpoint);
    if (!*owed && attempts == tried_.end()) return ordered_json();
    ordered_json one = {{"subscription", subscription.id},
                        {"webhook_id", webhook_id_of(subscription, alert_.id, alert_.revision)}};
    put_state(one, *owed);
    one["attempts"] = attempts == tried_.end() ? ordered_json::array() : attempts->second;
    return one;
  }

 private:
  Result<ordered_json> withheld_from(const Subscription& subscription,
                                     const runtime::WithheldRow& row) const {
    ordered_json one = {{"subscription", subscription.id}};
    if (row.kind == WithheldKind::kSilenced) {
      one["state"] = "silenced";
      one["silence"] = row.silence;
      return one;
    }
    one["state"] = row.kind == WithheldKind::kRateCapped ? "braked" : "grouped";
    Result<ordered_json> message = message_at(subscription, row.message);
    if (!message) return message;
    one[row.kind == WithheldKind::kRateCapped ? "summary" : "group"] = *std::move(message);
    return one;
  }

  // The message that stands for the alert.
  Result<ordered_json> message_at(const Subscription& subscription, std::uint64_t number) const {
    const Delivery delivery = StoredMessages::delivery_of(subscription, number);
    ordered_json shown = {{"id", delivery.alert_id}, {"webhook_id", delivery.webhook_id}};
    const auto message = read_message(store_, subscription.endpoint(), number);
    if (!message) return tl::unexpected(message.error());
    if (*message && !(*message)->is_released) {
      shown["state"] = "open";
      shown["next_at"] = cep::format_time((*message)->due);
    } else {
      const auto owed = owed_row(reader_, subscription.endpoint(), number);
      if (!owed) return tl::unexpected(owed.error());
      put_state(shown, *owed);
    }
    Result<Attempts> tried = attempts_at(log_, number);
    if (!tried) return tl::unexpected(tried.error());
    const auto attempts = tried->find(subscription.endpoint());
    shown["attempts"] = attempts == tried->end() ? ordered_json::array() : attempts->second;
    return shown;
  }

  const runtime::StoreReader& store_;
  const runtime::EffectReader& reader_;
  const DeliveryLog& log_;
  const runtime::StoredAlert& alert_;
  Attempts tried_;
  std::map<runtime::EndpointId, runtime::WithheldRow> withheld_;
};
}  // namespace

namespace {
// The number of the oldest alert that waits for the endpoint, where it is below `below`.
Result<std::optional<std::uint64_t>> first_waiting(const runtime::EffectReader& reader,
                                                   runtime::EndpointId endpoint,
                                                   std::uint64_t below) {
  constexpr std::size_t kRowsMax = 1000;  // dead ones stand among those that wait
  std::optional<std::uint64_t> first;
  std::size_t rows = 0;
  const Result<void> read = reader.outbox(endpoint, 0, [&](const runtime::OutboxRow& row) {
    if (runtime::is_message(row.number) || row.number >= below) return false;
    if (row.is_dead) return ++rows < kRowsMax;
    first = row.number;
    return false;
  });
  if (!read) return tl::unexpected(read.error());
  return first;
}
Result<std::optional<cep::EventTime>> stored_at(const runtime::EffectReader& reader,
                                                std::optional<std::uint64_t> number) {
  if (!number) return std::nullopt;
  const Result<std::optional<runtime::StoredAlert>> alert = reader.alert(*number);
  if (!alert) return tl::unexpected(alert.error());
  if (!*alert) return std::nullopt;
  return (*alert)->stored_at;
}
}  // namespace

Result<std::optional<cep::EventTime>> SubscriptionService::oldest_waiting() const {
  const runtime::EffectReader reader = effects_.reader();
  std::optional<std::uint64_t> first;
  for (const SubscriptionPtr& subscription : list()) {
    const auto found = first_waiting(reader, subscription->endpoint(), first.value_or(UINT64_MAX));
    if (!found) return tl::unexpected(found.error());
    if (*found) first = *found;
  }
  return stored_at(reader, first);
}

Result<std::optional<cep::EventTime>> SubscriptionService::oldest_waiting(
    const Subscription& subscription) const {
  const runtime::EffectReader reader = effects_.reader();
  const auto found = first_waiting(reader, subscription.endpoint(), UINT64_MAX);
  if (!found) return tl::unexpected(found.error());
  return stored_at(reader, *found);
}

Result<std::string> SubscriptionService::deliveries_of(const runtime::StoredAlert& alert) const {
  const runtime::EffectReader reader = effects_.reader();
  DeliveryReport report(store_, reader, log_, alert);
  if (Result<void> read = report.read(); !read) return tl::unexpected(read.error());
  ordered_json all = ordered_json::array();
  for (const SubscriptionPtr& subscription : list()) {
    Result<ordered_json> one = report.at(*subscription);
    if (!one) return tl::unexpected(one.error());
    if (!one->is_null()) all.push_back(*std::move(one));
  }
  return all.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}
}  // namespace tocsin::api

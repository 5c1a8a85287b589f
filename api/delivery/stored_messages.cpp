#include "api/delivery/stored_messages.h"

#include <fmt/format.h>
#include "api/delivery/webhook_message.h"

#include <optional>
#include <utility>
#include <vector>

#include "runtime/effects/effect_codec.h"

namespace tocsin::api {
Delivery StoredMessages::delivery_of(const Subscription& subscription, std::uint64_t number) {
  Delivery delivery;
  delivery.alert_id = message_id(subscription.endpoint(), number);
  delivery.webhook_id = webhook_id_of(subscription, delivery.alert_id, 0);
  delivery.row = number;
  return delivery;
}

Result<void> StoredMessages::fill(const Subscription& subscription, Delivery& delivery) const {
  const Result<std::optional<DeliveryMessage>> message =
      read_message(store_, subscription.endpoint(), delivery.row);
  if (!message) return tl::unexpected(message.error());
  if (!*message)
    return fail(Errc::kNotFound, fmt::format("the message {} is gone", delivery.alert_id));
  Result<std::string> payload =
      message_payload(store_, effects_.reader(), **message, subscription.id, limits_,
                      subscription.pii ? nullptr : privacy_);
  if (!payload) return tl::unexpected(payload.error());
  delivery.payload = *std::move(payload);
  delivery.type = type_of((*message)->kind);
  return {};
}

Result<void> StoredMessages::delivered(runtime::EndpointId endpoint, std::uint64_t number) {
  const Result<std::vector<std::uint64_t>> parts = read_parts(store_, endpoint, number);
  if (!parts) return tl::unexpected(parts.error());
  runtime::StoreBatch batch;
  batch.remove(runtime::kMessageFamily, message_key(endpoint, number));
  for (const std::uint64_t part : *parts)
    batch.remove(runtime::kMessageFamily, part_key(endpoint, number, part));
  return effects_.settle_message(endpoint, number, *parts, std::move(batch));
}
}  // namespace tocsin::api

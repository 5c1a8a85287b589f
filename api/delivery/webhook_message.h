/// What is sent to the endpoint of a subscription.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/delivery/delivery_queue.h"
#include "api/delivery/subscription.h"
#include "api/net/http_client.h"
#include "cep/base/result.h"
#include "cep/value/time.h"

namespace tocsin::api {
/// One attempt as it is sent.
struct WebhookMessage {
  std::string id;
  std::vector<HttpHeader> headers;
  std::string body;
};
/// The message that an alert becomes, signed at a time with all secrets that hold then. Errors:
/// kInternal for a secret that is none.
Result<WebhookMessage> make_webhook(const Subscription& subscription, const Delivery& delivery,
                                    cep::EventTime now);
/// The webhook-id of an alert for a subscription.
std::string webhook_id_of(const Subscription& subscription, std::string_view alert_id,
                          std::uint64_t revision);
}  // namespace tocsin::api

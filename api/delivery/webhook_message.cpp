#include "api/delivery/webhook_message.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <nlohmann/json.hpp>

#include "api/alerts/alert_line.h"
#include "api/delivery/signature.h"
#include "cep/value/identity.h"
#include "runtime/journal/trace_context.h"

namespace tocsin::api {
namespace {
// CloudEvents 1.0, structured: the alert's line, or the message, is its data, as it is.
std::string cloud_event(const Delivery& delivery) {
  const JsonMembers members = json_members(delivery.payload);
  std::string rule = "\"\"";
  std::string time;
  for (const auto& [name, value] : members) {
    if (name == "rule") rule = value;
    if (name == "time" || (!delivery.type.empty() && name == "to")) time = value;
  }
  std::string id = delivery.alert_id;
  if (delivery.revision > 0) id += fmt::format(".{}", delivery.revision);
  std::string event = fmt::format(
      R"({{"specversion":"1.0","id":"{}","source":"/tocsin","type":"tocsin.{}.v1","subject":{},)",
      id, delivery.type.empty() ? "alert" : delivery.type, rule);
  if (!time.empty()) event += fmt::format(R"("time":{},)", time);
  return event +
         fmt::format(R"("datacontenttype":"application/json","data":{}}})", delivery.payload);
}
}  // namespace

std::string webhook_id_of(const Subscription& subscription, std::string_view alert_id,
                          std::uint64_t revision) {
  return webhook_id(alert_id, revision, "subscription " + subscription.id);
}

Result<WebhookMessage> make_webhook(const Subscription& subscription, const Delivery& delivery,
                                    cep::EventTime now) {
  const bool is_cloud_event = subscription.payload == WebhookPayload::kCloudEvents;
  const std::int64_t now_s = now.us / 1'000'000;
  WebhookMessage message;
  message.id = delivery.webhook_id;
  message.body = is_cloud_event ? cloud_event(delivery) : delivery.payload;
  std::string signatures;
  for (const std::string& text : subscription.secrets_at(now)) {
    const Result<WebhookSecret> secret = WebhookSecret::parse(text);
    if (!secret) return tl::unexpected(secret.error());
    if (!signatures.empty()) signatures += ' ';
    signatures += sign_webhook(*secret, message.id, now_s, message.body);
  }
  message.headers = subscription.headers;
  if (is_cloud_event) message.headers.push_back({"Content-Type", "application/cloudevents+json"});
  if (!delivery.trace_parent.empty()) {
    std::array<std::uint8_t, 8> span{};
    if (RAND_bytes(span.data(), static_cast<int>(span.size())) != 1) {
      return fail(Errc::kIo, "the system gives no random bytes");
    }
    span[0] |= 1;  // an id of zeros is none
    message.headers.push_back(
        {"traceparent", runtime::with_span(delivery.trace_parent, cep::hex(span))});
  }
  message.headers.push_back({"webhook-id", message.id});
  message.headers.push_back({"webhook-timestamp", std::to_string(now_s)});
  message.headers.push_back({"webhook-signature", std::move(signatures)});
  return message;
}
}  // namespace tocsin::api

/// HttpClient over the network: HTTP/1.1 on kept-alive connections, TLS for https.
///
/// It is our own because what sends webhooks faces whatever the endpoint sends back: the time of a
/// whole attempt, the bytes of an answer's head and the reuse of connections are bounded here
/// (docs/decisions/0003-own-webhook-client.md). A request holds no thread: it lives on the outbound
/// loop.
#pragma once
#include <chrono>
#include <cstddef>
#include <memory>

#include "api/net/http_client.h"
#include "api/net/webhook_url.h"
#include "cep/base/result.h"

namespace tocsin::api {
class AddressPolicy;
struct WebhookClientTimeouts {
  std::chrono::milliseconds connect{3'000};
  std::chrono::milliseconds total{15'000};  // connecting included
};
/// What a client that faces addresses chosen by others is told.
struct WebhookClientLimits {
  std::shared_ptr<const AddressPolicy> addresses = {};  // null: any
  std::size_t answer_bytes_max = 0;                     // of an answer's body that are kept
};
/// Makes a client of one endpoint; nothing is sent or looked up yet. Errors: kIo when https has no
/// trust store.
Result<std::unique_ptr<HttpClient>> make_webhook_client(WebhookUrl url,
                                                        WebhookClientTimeouts timeouts,
                                                        WebhookClientLimits limits = {});
}  // namespace tocsin::api

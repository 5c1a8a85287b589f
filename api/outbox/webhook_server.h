/// The HTTP side of `tocsin receive`: takes POSTs, whatever their path, and hands them on.
#pragma once
#include <functional>
#include <memory>
#include <string_view>

#include "api/delivery/signature.h"
#include "api/net/http_server.h"
#include "api/net/loopback_address.h"
#include "api/outbox/alert_receiver.h"

namespace tocsin::api {
/// Called from several threads at once.
using TakeWebhook = std::function<AlertReceiver::Answer(const WebhookHeaders&, std::string_view)>;
/// Begins to listen; a body may have 4 MiB. Errors: as HttpServer::start().
Result<std::unique_ptr<HttpServer>> receive_webhooks(const LoopbackAddress& address,
                                                     TakeWebhook take);
}  // namespace tocsin::api

#include "api/outbox/webhook_server.h"

#include <string>
#include <utility>

namespace tocsin::api {
namespace {
HttpResponse text_response(int status, const std::string& text) {
  return {status, {}, "text/plain", text.empty() ? "" : text + "\n"};
}
}  // namespace

Result<std::unique_ptr<HttpServer>> receive_webhooks(const LoopbackAddress& address,
                                                     TakeWebhook take) {
  HttpServerLimits limits;
  limits.body_bytes_max = std::uint64_t{4} << 20;
  limits.keep_alive_max = std::chrono::seconds(60);
  const auto answer = [take = std::move(take)](HttpRequest& request) {
    if (request.head().method != "POST") {
      HttpResponse refused = text_response(405, "webhooks are POSTed");
      refused.headers.push_back({"Allow", "POST"});
      return refused;
    }
    const auto header = [&](std::string_view name) {
      return request.head().header(name).value_or(std::string_view());
    };
    const AlertReceiver::Answer taken =
        take({header("webhook-id"), header("webhook-timestamp"), header("webhook-signature")},
             request.body());
    return text_response(taken.status, taken.text);
  };
  return HttpServer::start(address.host, address.port, limits, answer, [](const HttpFault& fault) {
    return text_response(fault.status, fault.detail);
  });
}
}  // namespace tocsin::api

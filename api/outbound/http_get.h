/// Asks a server that the operator named: one request at a time, bounded in time and size.
#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "api/net/http_client.h"
#include "api/net/stop_switch.h"
#include "api/net/webhook_url.h"
#include "api/outbound/http_connection.h"
#include "cep/base/result.h"

namespace tocsin::api {
struct HttpGetLimits {
  std::chrono::milliseconds total{5'000};  // connecting included
  std::size_t body_bytes_max = 1 << 20;
};
/// A request of any method.
struct HttpQuestion {
  std::string_view method;
  std::string_view target;  // path and query
  std::span<const HttpHeader> headers = {};
  std::string_view body = {};
};
struct HttpWhole {
  HttpReply reply;
  std::string etag = {};  // as sent; empty without one
};
/// Threading: get(), post() and ask() by one caller at a time, stop() from any.
class HttpGet {
 public:
  /// Nothing is sent or looked up yet. Errors: kIo when https has no trust store.
  static Result<std::unique_ptr<HttpGet>> make(WebhookUrl url, HttpGetLimits limits);
  /// The answer to a GET of `target` (path and query) at the URL's host, with its whole body, on a
  /// connection of its own; redirects are not followed. Errors: kLimit for a body that is too
  /// large, kStopped; kIo, kDenied and kCorrupt if there is no whole answer.
  Result<HttpReply> get(std::string_view target, std::span<const HttpHeader> headers);
  /// The same of a POST of `body` at the URL, of JSON unless a header says otherwise.
  Result<HttpReply> post(std::span<const HttpHeader> headers, std::string_view body);
  /// The same of any request that may be sent twice: on the connection of the last one, if it is
  /// open.
  Result<HttpWhole> ask(const HttpQuestion& question);
  /// Ends a request under way, and every later one, with kStopped.
  void stop() { stop_.set(); }
  const WebhookUrl& url() const { return target_->url; }

 private:
  HttpGet(LinkTarget target, HttpGetLimits limits)
      : target_(std::make_shared<const LinkTarget>(std::move(target))), limits_(limits) {}

  Result<HttpReply> exchange(std::string_view request);
  // Sends a request and takes its answer; is_unanswered: the peer closed before a byte of one.
  Result<HttpWhole> converse(std::unique_ptr<HttpConnection> connection, std::string_view head,
                             std::string_view body, Deadline by, bool& is_unanswered);

  const std::shared_ptr<const LinkTarget> target_;
  const HttpGetLimits limits_;
  StopSwitch stop_;
  std::unique_ptr<HttpConnection> idle_;
};
}  // namespace tocsin::api

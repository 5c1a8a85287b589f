/// What the outbox asks of HTTP: one POST to its endpoint, bounded in time. A port, so that tests
/// need no sockets.
#pragma once
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tocsin::api {
struct HttpHeader {
  std::string name;
  std::string value;
};
struct HttpReply {
  int status = 0;                // 100 to 599; 0: there was no answer, `error` says why
  std::string retry_after = {};  // value of the header, empty without one
  std::string error = {};        // "connection refused", …; empty with a status
  std::string body = {};         // as much of it as the client was told to keep
};
/// Threading: any.
class HttpClient {
 public:
  /// Is called once for each request, on any thread, perhaps before begin() returns. It is short,
  /// and takes no lock under which begin() or stop() is called.
  using Done = std::function<void(HttpReply)>;
  virtual ~HttpClient() = default;
  /// Sends `body`, JSON unless a header says otherwise, with `headers` (beside those that HTTP
  /// itself needs), and gives the answer's status to `done`; redirects are not followed. Every
  /// failure is a reply without a status. It waits for nothing and keeps none of its arguments.
  virtual void begin(std::span<const HttpHeader> headers, std::string_view body, Done done) = 0;
  /// Ends requests under way, and every later one, without an answer.
  virtual void stop() = 0;

  /// The same for a thread that waits for the reply.
  HttpReply post(std::span<const HttpHeader> headers, std::string_view body) {
    const auto promise = std::make_shared<std::promise<HttpReply>>();
    std::future<HttpReply> reply = promise->get_future();
    begin(headers, body, [promise](HttpReply given) { promise->set_value(std::move(given)); });
    return reply.get();
  }
};
}  // namespace tocsin::api

/// What the outbox asks of HTTP: one POST to its endpoint, bounded in time. A port, so that tests
/// need no sockets.
#pragma once
#include <span>
#include <string>
#include <string_view>

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
/// Threading: `post` is called from several threads at once, `stop` from any.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// Sends `body`, JSON unless a header says otherwise, with `headers` (beside those that HTTP
  /// itself needs) and waits for the answer's
  /// status; redirects are not followed. Every failure is a reply without a status.
  virtual HttpReply post(std::span<const HttpHeader> headers, std::string_view body) = 0;
  /// Ends requests under way, and every later one, without an answer.
  virtual void stop() = 0;
};
}  // namespace tocsin::api

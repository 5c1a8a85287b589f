/// An HTTP/1.1 server that may face a network: cpp-httplib frames bodies and writes answers, behind
/// a guard of our own that it never sees past.
///
/// The oldest library we build with reads heads without a limit, bodies in chunks likewise, has no
/// time for a whole request, and matches paths by a recursive regular expression
/// (docs/decisions/0014-http-server.md). So the guard reads each head itself (api/net/http_head.h),
/// answers what is wrong with it, hands the library a head with nothing in it but the method and
/// the body's framing, counts the bytes of the body, and gives every wait a deadline.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/net/http_head.h"
#include "cep/base/result.h"

namespace tocsin::api {
struct HttpServerLimits {
  HttpHeadLimits head;
  std::uint64_t body_bytes_max = std::uint64_t{64} << 20;
  std::chrono::milliseconds head_time_max{10'000};     // from a request's first byte
  std::chrono::milliseconds request_time_max{60'000};  // head, body and answer
  std::chrono::milliseconds keep_alive_max{5'000};     // between two requests
  std::chrono::milliseconds stream_write_max{10'000};  // one write of a streamed answer
  std::size_t connections_max = 256;                   // more are answered with 503
};
/// One request. Valid during the handler's call.
class HttpRequest {
 public:
  HttpRequest() = default;
  HttpRequest(const HttpRequest&) = delete;
  HttpRequest& operator=(const HttpRequest&) = delete;
  virtual ~HttpRequest() = default;
  virtual const RequestHead& head() const = 0;
  /// The client's address, without its port.
  virtual const std::string& remote() const = 0;
  /// Gives the body block by block until it ends or `take` gives false. Fails with the status to
  /// answer with: 413 beyond HttpServerLimits::body_bytes_max, 408 out of time, 400 for chunks that
  /// are none or an early end.
  virtual tl::expected<void, HttpFault> read_body(
      const std::function<bool(std::string_view)>& take) = 0;
};
/// Where a streamed answer goes; false when the client is gone, too slow, or the server stops.
using HttpStream = std::function<bool(std::string_view)>;
struct HttpResponse {
  int status = 200;
  std::vector<HttpHeader> headers;  // beside Content-Type and the length
  std::string content_type;
  std::string body;
  /// Instead of a body: called once, writes the answer as it comes.
  std::function<void(const HttpStream&)> stream = {};
};

class HttpServer {
 public:
  /// Called from several threads at once.
  using Handler = std::function<HttpResponse(HttpRequest&)>;
  /// What is answered to a request that never reaches the handler.
  using FaultAnswer = std::function<HttpResponse(const HttpFault&)>;
  /// Begins to listen on `host` (a numeric address, without brackets) and to answer; port 0 is any
  /// free one. Errors: kIo when the address cannot be had.
  static Result<std::unique_ptr<HttpServer>> start(const std::string& host, std::uint16_t port,
                                                   const HttpServerLimits& limits, Handler handler,
                                                   FaultAnswer fault_answer);
  /// As stop().
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  std::uint16_t port() const;
  /// Connections open now.
  std::size_t connections() const;
  /// Takes no more connections, lets handlers come to their end, calls off every wait.
  void stop();

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};
}  // namespace tocsin::api

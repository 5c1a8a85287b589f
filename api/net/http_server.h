/// An HTTP/1.1 server that may face a network.
///
/// A few threads hold all connections; what may wait runs on workers. Heads are read strictly and
/// within limits (api/net/http_head.h), bodies whole before a worker is taken, and every wait has a
/// deadline (docs/decisions/0081-a-front-without-a-thread-each.md).
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/net/http_exchange.h"
#include "api/net/http_front.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// Answers a request with its body. Called from several threads at once.
using HttpHandler = std::function<HttpResponse(HttpRequest&)>;

class HttpServer {
 public:
  /// Begins to listen on `host` (a numeric address, without brackets) and to answer; port 0 is any
  /// free one. Errors: kIo when the address cannot be had.
  static Result<std::unique_ptr<HttpServer>> start(const std::string& host, std::uint16_t port,
                                                   HttpServerOptions options);
  /// The same, with one handler for all requests.
  static Result<std::unique_ptr<HttpServer>> start(const std::string& host, std::uint16_t port,
                                                   const HttpServerLimits& limits,
                                                   HttpHandler handler,
                                                   HttpFaultAnswer fault_answer);
  /// As stop().
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  std::uint16_t port() const;
  /// Connections open now.
  std::size_t connections() const;
  ConnectionFigures figures() const;
  /// Who the server is to connections that come from now on, one that was started with TLS. Open
  /// ones of a client whose certificate its lists revoke end, soon.
  void set_tls(std::shared_ptr<const TlsIdentity> tls);
  /// Takes no more connections, lets handlers that run come to their end, ends every other wait.
  /// Streams that have not ended are broken off.
  void stop();

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};
}  // namespace tocsin::api

/// A small HTTP server for webhooks on this machine's own addresses (cpp-httplib's, with its limits
/// set).
///
/// It listens nowhere else because the oldest library we build with reads request heads without a
/// limit.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/loopback_address.h"
#include "cep/base/result.h"

namespace tocsin::api {
class LoopbackServer {
 public:
  struct Request {
    std::string_view id;  // of the headers webhook-id, webhook-timestamp and webhook-signature;
                          // empty where missing
    std::string_view timestamp;
    std::string_view signature;
    std::string_view body;
  };
  struct Response {
    int status = 200;
    std::string text;
  };
  /// Answers a POST, whatever its path. Called from several threads at once.
  using Handler = std::function<Response(const Request&)>;

  /// Begins to listen and to answer. Errors: kIo when the address cannot be had.
  static Result<std::unique_ptr<LoopbackServer>> start(const LoopbackAddress& address,
                                                       Handler handler);
  /// As `stop`.
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  /// With the port that it has.
  const LoopbackAddress& address() const;
  /// Takes no more connections, answers what it has begun to read, and waits for the end of that
  /// (about a second).
  void stop();

 private:
  struct Impl;
  explicit LoopbackServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};
}  // namespace tocsin::api

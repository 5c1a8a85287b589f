/// What all connections of an HTTP server share.
#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "api/net/body_budget.h"
#include "api/net/http_exchange.h"
#include "api/net/tls_identity.h"
#include "api/net/worker_pool.h"

namespace tocsin::api {
struct HttpServerLimits {
  HttpHeadLimits head;
  std::uint64_t body_bytes_max = std::uint64_t{64} << 20;
  std::chrono::milliseconds head_time_max{10'000};     // from a request's first byte
  std::chrono::milliseconds request_time_max{60'000};  // head, body and answer
  std::chrono::milliseconds keep_alive_max{5'000};     // between two requests
  std::chrono::milliseconds stream_write_max{10'000};  // one piece of a streamed answer
  // Where more come the one that has waited longest for a request is closed; where none waits, they
  // are answered with 503, and beyond the reserve they are closed.
  std::size_t connections_max = 256;
  std::size_t reserve_max = 8;  // connections beside those, for vital requests alone
  std::size_t io_threads = 1;
  WorkerPool::Limits workers;
};
struct HttpServerOptions {
  HttpServerLimits limits;
  HttpAdmit admit;
  HttpFaultAnswer fault_answer;
  BodyBudget* bodies = nullptr;    // none: bodies are not counted together; outlives the server
  std::vector<std::string> vital;  // paths that the reserve is for
  std::shared_ptr<const TlsIdentity> tls;  // null: plain HTTP
};

class HttpFront {
 public:
  explicit HttpFront(HttpServerOptions options_in)
      : options(std::move(options_in)), workers(options.limits.workers), tls_(options.tls) {}
  const HttpServerOptions options;
  std::atomic<std::size_t> open{0};     // connections
  std::atomic<std::size_t> reserve{0};  // of them, beside connections_max
  WorkerPool workers;

  std::shared_ptr<const TlsIdentity> tls() const {
    const std::lock_guard lock(tls_mutex_);
    return tls_;
  }
  void set_tls(std::shared_ptr<const TlsIdentity> tls) {
    const std::lock_guard lock(tls_mutex_);
    tls_ = std::move(tls);
  }

 private:
  mutable std::mutex tls_mutex_;
  std::shared_ptr<const TlsIdentity> tls_;
};
}  // namespace tocsin::api

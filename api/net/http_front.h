/// What all connections of an HTTP server share.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/net/body_budget.h"
#include "api/net/http_exchange.h"
#include "api/net/tls_identity.h"
#include "api/net/transport.h"
#include "api/net/worker_pool.h"
#include "api/proxy/trusted_proxies.h"

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
  TrustedProxies proxies;
  /// Is told which client's certificate a handshake has refused and why, and from which address.
  std::function<void(const std::string& certificate, const std::string& address)>
      refused_certificate = {};
};

/// What an open connection does.
enum class ConnectionState : std::uint8_t {
  kBegin,   // a PROXY header or a handshake is awaited
  kIdle,    // no byte of a request is there
  kHead,    // a head is not whole
  kBody,    // a body is not whole
  kWork,    // its request is handled, or waits for a worker
  kAnswer,  // an answer is sent
  kStream,  // a streamed answer is open
  kEnd,     // its last answer is sent, and not read yet
};
inline constexpr std::array<std::string_view, 8> kConnectionStates = {
    "begin", "idle", "head", "body", "work", "answer", "stream", "end"};
struct ConnectionFigures {
  std::array<std::size_t, kConnectionStates.size()> open{};  // by state
  std::uint64_t evicted = 0;                                 // closed to make room for others
  std::uint64_t refused = 0;               // turned away because there was no room
  std::uint64_t certificates_refused = 0;  // clients of which the handshake refused them
  // From when to when the list of revoked certificates is valid that is out of date first; nothing:
  // there are no lists.
  struct Validity {
    RevocationLists::Time begins, ends;
  };
  std::optional<Validity> revocations = {};
};

class HttpFront {
 public:
  explicit HttpFront(HttpServerOptions options_in)
      : options(std::move(options_in)), workers(options.limits.workers), tls_(options.tls) {}
  const HttpServerOptions options;
  std::atomic<std::size_t> open{0};     // connections
  std::atomic<std::size_t> reserve{0};  // of them, beside connections_max
  std::array<std::atomic<std::size_t>, kConnectionStates.size()> states{};  // of them, each
  std::atomic<std::uint64_t> evicted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> certificates_refused{0};
  std::atomic<std::uint64_t> tls_changes{0};  // counted after each
  WorkerPool workers;

  std::shared_ptr<const TlsIdentity> tls() const {
    const std::lock_guard lock(tls_mutex_);
    return tls_;
  }
  void set_tls(std::shared_ptr<const TlsIdentity> tls) {
    const std::lock_guard lock(tls_mutex_);
    tls_ = std::move(tls);
    ++tls_changes;
  }
  /// Whether lists that came after the first `looked_at` changes of the identity have the client's
  /// certificate; counts those that it has looked at.
  bool revokes(const Transport& transport, std::uint64_t& looked_at) const {
    const std::uint64_t changes = tls_changes;
    if (changes == looked_at) return false;
    looked_at = changes;
    const std::shared_ptr<const TlsIdentity> now = tls();
    return now && now->revoked() != nullptr && transport.is_revoked(*now->revoked());
  }

 private:
  mutable std::mutex tls_mutex_;
  std::shared_ptr<const TlsIdentity> tls_;
};
}  // namespace tocsin::api

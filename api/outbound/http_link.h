/// A TCP or TLS connection to one server, on the outbound loop, on which every wait has a deadline.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "api/net/http_loop.h"
#include "api/net/http_socket.h"
#include "api/net/webhook_url.h"
#include "api/outbound/address_policy.h"
#include "api/outbound/outbound_loop.h"
#include "api/outbound/tls_trust.h"
#include "cep/base/result.h"

namespace tocsin::api {
using Deadline = std::chrono::steady_clock::time_point;

/// Who is connected to.
struct LinkTarget {
  WebhookUrl url;
  std::shared_ptr<const TlsTrust> trust = {};  // needed with TLS only
  std::shared_ptr<const AddressPolicy> addresses =
      {};  // none is connected to that it refuses; null: any
};

/// One operation at a time; each calls its `done` once, later, on the loop's thread. Errors are kIo
/// (closed, or the deadline passed), kDenied (by the address policy, or for the certificate) and
/// kStopped, in words that fit behind "no answer: ". Threading: the loop's thread, but for
/// the constructor.
class HttpLink final : public HttpLoop::Member, public std::enable_shared_from_this<HttpLink> {
 public:
  /// How many bytes: all that were to be sent, some that were received, or 0 for a peer that has
  /// closed.
  using Done = std::function<void(Result<std::size_t>)>;
  explicit HttpLink(OutboundLoop& outbound) : outbound_(outbound) {}

  /// First of all. Looks the host up and connects, trying its addresses in turn, by `connect_by`;
  /// with TLS the handshake is done, and the peer's certificate and name are checked, by
  /// `done_by`.
  void open(std::shared_ptr<const LinkTarget> target, Deadline connect_by, Deadline done_by,
            Done done);
  /// Sends all of `bytes`, which outlive it.
  void send(std::string_view bytes, Deadline by, Done done);
  /// Appends some bytes to `into`, which outlives it.
  void receive(std::string& into, Deadline by, Done done);
  /// True when the peer has neither closed nor sent anything that nobody asked for: fit for another
  /// request.
  bool is_quiet() const;
  /// The operation under way, and every later one, fails with kStopped.
  void give_up();
  /// Last of all; nothing is under way.
  void close();

  // When the socket is ready, and now and then.
  void run();
  void pass_time(HttpLoop::Moment now) override;
  void make_room() override {}
  void stop() override { give_up(); }

 private:
  enum class State : std::uint8_t { kIdle, kLookUp, kConnect, kHandshake, kSend, kReceive };

  bool begin(State state, Deadline by, Done done);
  void finish(Result<std::size_t> result);
  void connect();
  void connect_next();
  bool connect_to(const addrinfo& address);
  void finish_connecting();
  void connected();
  void shake_hands();
  void go_on_sending();
  void go_on_receiving();
  void wait(Transport::State state);
  std::string reason() const;

  OutboundLoop& outbound_;
  std::shared_ptr<const LinkTarget> target_;
  State state_ = State::kIdle;
  bool is_joined_ = false;
  bool is_given_up_ = false;
  bool is_broken_ = false;
  Deadline by_;          // of what is under way
  Deadline connect_by_;  // of all addresses
  Deadline done_by_;     // of the handshake
  Done done_;
  std::string_view to_send_;
  std::size_t sent_ = 0;
  std::string* into_ = nullptr;
  OutboundLoop::Addresses addresses_;
  const addrinfo* next_address_ = nullptr;
  Result<void> last_refusal_;      // of an address
  std::list<HttpSocket> sockets_;  // the last is in use; those before it are closed
};
}  // namespace tocsin::api

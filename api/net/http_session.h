/// One connection of an HTTP server, as a machine of states that waits for nothing.
///
///   shake hands ─▶ head ─▶ [100] ─▶ body ─▶ work ─▶ answer ─▶ [stream ⇄ answer] ─▶ head, or linger
///
/// Before all that a proxy may say whose connection it is (api/proxy/proxy_header.h).
///
/// Each state has a step, which is taken until one has to wait: for the socket, a worker, or more
/// of a stream. What waits is called again by what it waits for; deadlines are looked at now and
/// then.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/net/http_front.h"
#include "api/net/http_loop.h"
#include "api/net/http_socket.h"
#include "api/net/out_queue.h"
#include "api/proxy/ip_address.h"
#include "api/proxy/proxy_header.h"

namespace tocsin::api {
struct SessionExchange;
/// Lives on a loop, which owns it; all is called on the loop's thread.
class HttpSession final : public HttpLoop::Member,
                          public std::enable_shared_from_this<HttpSession> {
 public:
  using Moment = HttpLoop::Moment;
  /// Owns the socket. It was counted in `front.open` (and `front.reserve`).
  HttpSession(HttpLoop& loop, HttpFront& front, int socket, const IpAddress& peer, bool is_reserve);
  ~HttpSession() override;
  void start();
  /// Goes on as far as it can: what was waited for has come.
  void run();
  void pass_time(Moment now) override;
  void make_room() override;
  void stop() override;

 private:
  enum class State : std::uint8_t {
    kProxyHeader,
    kHandshake,
    kHead,
    kContinue,
    kBody,
    kWork,
    kAnswer,
    kStream,
    kStreamWork,
    kLinger,
    kClosed
  };
  using Received = HttpSocket::Received;

  bool step();
  bool read_proxy_header();
  bool begin_handshake();
  bool shake_hands();
  bool read_head();
  bool begin_request(std::size_t head_end);
  bool begin_body();
  bool read_body();
  bool begin_work();
  void answer_with(HttpResponse response);
  void take_answer(HttpPromise::Make make, bool is_at_once);
  bool begin_answer(HttpResponse response);
  bool refuse(const HttpFault& fault);
  bool write_out();
  bool feed_stream();
  void work_on_stream();
  bool end_answer();
  bool linger();

  void attempt(const std::function<void()>& deed);
  void enter(State state);
  void count_as(ConnectionState counted);
  Received receive();
  void wait(HttpSocket::Wait type);
  bool wait_for(Transport::State state);
  void begin_head();
  void begin_waiting(Moment now);
  void write_until(Moment deadline);
  void give_up(const HttpFault& fault);
  void close_idle();
  void close();
  void cut_off();
  void leave();
  HttpResponse fault_answer(const HttpFault& fault) const;
  HttpResponse handled(SessionExchange& exchange) const;
  HttpResponse made(const HttpPromise::Make& make) const;

  HttpLoop& loop_;
  HttpFront& front_;
  std::uint64_t tls_changes_;  // in `front_`, up to which its certificate was looked at
  HttpSocket socket_;
  IpAddress peer_;                                   // or whom a PROXY header names
  std::unique_ptr<ProxyHeaderReader> proxy_header_;  // until it is read
  std::shared_ptr<const ClientCertificate> certificate_;
  State state_ = State::kHead;
  ConnectionState counted_ = ConnectionState::kBegin;  // in `front_`, until it is closed
  bool is_reserve_;
  bool keeps_ = true;  // the connection stays open after this answer
  bool is_stopping_ = false;
  bool is_revoked_ = false;    // its certificate; it ends
  bool lacks_worker_ = false;  // a stream's work, or making an answer, found no room
  Moment began_;               // the first byte of the request came
  Moment deadline_;
  Moment lingers_until_;
  std::uint64_t lingered_ = 0;  // bytes that were passed over
  std::string in_;              // received and not used yet
  std::size_t searched_ = 0;    // of it, for the end of a head
  std::unique_ptr<SessionExchange> exchange_;
  OutQueue out_;
};
}  // namespace tocsin::api

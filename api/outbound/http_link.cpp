#include "api/outbound/http_link.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
// After so many pieces others on the loop have their turn.
constexpr int kPiecesInTurn = 16;

std::string system_message(int error_number) {
  return std::generic_category().message(error_number);
}
}  // namespace

bool HttpLink::begin(State state, Deadline by, Done done) {
  TOCSIN_ASSERT(state_ == State::kIdle, "one operation at a time");
  state_ = state;
  by_ = by;
  done_ = std::move(done);
  if (is_given_up_) finish(fail(Errc::kStopped, "given up"));
  return state_ != State::kIdle;
}

// Later, so that a peer that sends one byte at a time does not make calls within calls.
void HttpLink::finish(Result<std::size_t> result) {
  if (state_ == State::kIdle) return;
  state_ = State::kIdle;
  outbound_.loop().post([done = std::exchange(done_, nullptr),
                         result = std::move(result)]() mutable { done(std::move(result)); });
}

void HttpLink::give_up() {
  is_given_up_ = true;
  finish(fail(Errc::kStopped, "given up"));
}

void HttpLink::close() {
  give_up();
  if (!sockets_.empty()) {
    // One try to say goodbye; nobody waits for the answer.
    if (!is_broken_) sockets_.back().transport().end_sending();
    sockets_.back().close();
  }
  if (!std::exchange(is_joined_, false)) return;
  outbound_.loop().leave(*this);
}

void HttpLink::pass_time(HttpLoop::Moment now) {
  if (state_ == State::kIdle || now < by_) return;
  switch (state_) {
    case State::kIdle:
      return;
    case State::kLookUp:
      return finish(fail(Errc::kIo, "host look-up failed: no answer in time"));
    case State::kConnect:
      last_refusal_ = fail(Errc::kIo, "no connection in time");
      if (now >= connect_by_) next_address_ = nullptr;
      return connect_next();
    case State::kHandshake:
      return finish(fail(Errc::kIo, "TLS handshake failed: no TLS handshake in time"));
    case State::kSend:
      return finish(fail(Errc::kIo, "the request could not be sent in time"));
    case State::kReceive:
      return finish(fail(Errc::kIo, "no answer in time"));
  }
}

void HttpLink::run() {
  // The deadline is asked first: a peer that always has one more byte must not outlive it.
  if (state_ != State::kIdle && steady_clock::now() >= by_) return pass_time(steady_clock::now());
  switch (state_) {
    case State::kIdle:
    case State::kLookUp:
      return;
    case State::kConnect:
      return finish_connecting();
    case State::kHandshake:
      return shake_hands();
    case State::kSend:
      return go_on_sending();
    case State::kReceive:
      return go_on_receiving();
  }
}

void HttpLink::open(std::shared_ptr<const LinkTarget> target, Deadline connect_by, Deadline done_by,
                    Done done) {
  TOCSIN_ASSERT(!target->url.tls || target->trust != nullptr,
                "a client of https URLs has a trust store");
  target_ = std::move(target);
  connect_by_ = connect_by;
  done_by_ = done_by;
  outbound_.loop().join(shared_from_this());
  is_joined_ = true;
  if (!begin(State::kLookUp, connect_by, std::move(done))) return;
  outbound_.look_up(target_->url.host, target_->url.port,
                    [self = shared_from_this()](Result<OutboundLoop::Addresses> found) {
                      if (self->state_ != State::kLookUp) return;
                      if (!found) return self->finish(tl::unexpected(found.error()));
                      self->addresses_ = *std::move(found);
                      self->connect();
                    });
}

void HttpLink::connect() {
  state_ = State::kConnect;
  next_address_ = addresses_.get();
  last_refusal_ = fail(Errc::kIo, "the host has no address");
  connect_next();
}

void HttpLink::connect_next() {
  while (next_address_ != nullptr) {
    const addrinfo& address = *std::exchange(next_address_, next_address_->ai_next);
    if (target_->addresses != nullptr) {
      last_refusal_ = target_->addresses->check(*address.ai_addr);
      if (!last_refusal_) continue;
    }
    // A dead first address must not use up the time of a live second one.
    int addresses_left = 1;
    for (const addrinfo* one = next_address_; one != nullptr; one = one->ai_next) ++addresses_left;
    const Deadline now = steady_clock::now();
    by_ = now + (connect_by_ - now) / addresses_left;
    if (connect_to(address)) return;
  }
  finish(tl::unexpected(last_refusal_.error()));
}

// False: it was refused at once, and `last_refusal_` says why.
bool HttpLink::connect_to(const addrinfo& address) {
  const int socket = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) {
    last_refusal_ = fail(Errc::kIo, system_message(errno));
    return false;
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const bool is_connected = ::connect(socket, address.ai_addr, address.ai_addrlen) == 0;
  const int error_number = is_connected ? 0 : errno;
  // What waits for it may still be called after it is closed: it stays as long as this.
  if (!sockets_.empty()) sockets_.back().close();
  sockets_.emplace_back(outbound_.loop().context(), socket,
                        target_->url.tls ? target_->trust->context() : nullptr, target_->url.host);
  if (is_connected) {
    connected();
    return true;
  }
  if (error_number != EINPROGRESS && error_number != EINTR) {
    last_refusal_ = fail(Errc::kIo, system_message(error_number));
    return false;
  }
  sockets_.back().wait(shared_from_this(), HttpSocket::Wait::wait_write);
  return true;
}

void HttpLink::finish_connecting() {
  int error_number = 0;
  socklen_t length = sizeof error_number;
  ::getsockopt(sockets_.back().descriptor(), SOL_SOCKET, SO_ERROR, &error_number, &length);
  if (error_number == 0) return connected();
  last_refusal_ = fail(Errc::kIo, system_message(error_number));
  connect_next();
}

void HttpLink::connected() {
  addresses_.reset();
  next_address_ = nullptr;
  if (!target_->url.tls) return finish(std::size_t{0});
  state_ = State::kHandshake;
  by_ = done_by_;
  shake_hands();
}

void HttpLink::shake_hands() {
  Transport& transport = sockets_.back().transport();
  const Transport::Result result = transport.shake_hands();
  if (result.state == Transport::State::kDone) return finish(std::size_t{0});
  if (result.state != Transport::State::kClosed) return wait(result.state);
  is_broken_ = true;
  if (const std::string refusal = transport.refusal(); !refusal.empty())
    return finish(fail(Errc::kDenied, "its certificate is not valid: " + refusal));
  finish(fail(Errc::kIo, "TLS handshake failed: " + reason()));
}

void HttpLink::send(std::string_view bytes, Deadline by, Done done) {
  if (!begin(State::kSend, by, std::move(done))) return;
  to_send_ = bytes;
  sent_ = 0;
  go_on_sending();
}

void HttpLink::go_on_sending() {
  for (int i = 0; sent_ < to_send_.size(); ++i) {
    if (i == kPiecesInTurn) {
      outbound_.loop().post([self = shared_from_this()] {
        if (self->state_ == State::kSend) self->run();
      });
      return;
    }
    const std::array<std::string_view, 1> rest{to_send_.substr(sent_)};
    const Transport::Result result = sockets_.back().transport().write(rest);
    if (result.state == Transport::State::kClosed) {
      is_broken_ = true;
      return finish(fail(Errc::kIo, reason()));
    }
    if (result.state != Transport::State::kDone) return wait(result.state);
    sent_ += result.bytes;
  }
  finish(to_send_.size());
}

void HttpLink::receive(std::string& into, Deadline by, Done done) {
  if (!begin(State::kReceive, by, std::move(done))) return;
  into_ = &into;
  run();
}

void HttpLink::go_on_receiving() {
  HttpSocket& socket = sockets_.back();
  const std::size_t before = into_->size();
  switch (socket.receive(*into_)) {
    case HttpSocket::Received::kSome:
      return finish(into_->size() - before);
    case HttpSocket::Received::kNothing:
      return socket.wait(shared_from_this(), socket.wanted());
    case HttpSocket::Received::kEnd:
      break;
  }
  const std::string& failure = socket.transport().failure();
  is_broken_ = is_broken_ || !failure.empty();
  if (!failure.empty()) return finish(fail(Errc::kIo, failure));
  finish(std::size_t{0});
}

bool HttpLink::is_quiet() const { return !is_broken_ && !sockets_.back().transport().has_unread(); }

void HttpLink::wait(Transport::State state) {
  sockets_.back().wait(shared_from_this(), state == Transport::State::kWantRead
                                               ? HttpSocket::Wait::wait_read
                                               : HttpSocket::Wait::wait_write);
}

std::string HttpLink::reason() const {
  const std::string& failure = sockets_.back().transport().failure();
  return failure.empty() ? "the connection was closed" : failure;
}
}  // namespace tocsin::api

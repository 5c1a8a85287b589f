#include "api/net/http_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "api/net/http_answer.h"
#include "api/net/session_exchange.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
constexpr int kStepsAtOnce = 64;  // then it is another connection's turn
constexpr Milliseconds kReserveHead{2000};

// Whose request it is that came from there.
tl::expected<IpAddress, std::string> client_of(const TrustedProxies& proxies, const IpAddress& peer,
                                               const RequestHead& head) {
  const std::string_view name = proxies.header_of(peer);
  if (name.empty()) return peer;
  TrustedProxies::HeaderLines lines;
  for (const HttpHeader& header : head.headers) {
    if (header.name == name) lines.emplace_back(header.value);
  }
  return proxies.client_of(peer, lines);
}
}  // namespace

HttpSession::HttpSession(HttpLoop& loop, HttpFront& front, int socket, const IpAddress& peer,
                         bool is_reserve)
    : loop_(loop),
      front_(front),
      tls_changes_(front.tls_changes),
      socket_(loop.context(), socket, front.tls()),
      peer_(peer),
      is_reserve_(is_reserve) {
  ++front_.states[static_cast<std::size_t>(counted_)];
}
HttpSession::~HttpSession() = default;

void HttpSession::start() {
  loop_.join(shared_from_this());
  if (state_ == State::kClosed) return;
  begin_head();
  if (front_.options.proxies.begins_with_header(peer_)) {
    enter(State::kProxyHeader);
    proxy_header_ = std::make_unique<ProxyHeaderReader>();
    deadline_ = std::min(deadline_, began_ + front_.options.limits.head_time_max);
  } else {
    begin_handshake();
  }
  run();
}

// With TLS; else a head comes first.
bool HttpSession::begin_handshake() {
  if (!socket_.transport().is_tls()) return false;
  enter(State::kHandshake);
  deadline_ = std::min(deadline_, began_ + front_.options.limits.head_time_max);
  return true;
}

void HttpSession::run() {
  attempt([this] {
    for (int steps = 0; step(); ++steps) {
      if (steps < kStepsAtOnce) continue;
      loop_.post([self = shared_from_this()] { self->run(); });
      return;
    }
  });
}

// What fails within one connection ends that one alone; it is counted as an answer of 500.
void HttpSession::attempt(const std::function<void()>& deed) {
  const auto self = shared_from_this();
  try {
    deed();
  } catch (const std::exception& error) {
    static_cast<void>(fault_answer({500, error.what()}));
    if (state_ != State::kClosed) cut_off();
  }
}

void HttpSession::enter(State state) {
  state_ = state;
  switch (state) {
    case State::kProxyHeader:
    case State::kHandshake:
      return count_as(ConnectionState::kBegin);
    case State::kHead:
      return count_as(in_.empty() ? ConnectionState::kIdle : ConnectionState::kHead);
    case State::kContinue:
    case State::kBody:
      return count_as(ConnectionState::kBody);
    case State::kWork:
      return count_as(ConnectionState::kWork);
    case State::kAnswer:
      return count_as(exchange_ && exchange_->stream ? ConnectionState::kStream
                                                     : ConnectionState::kAnswer);
    case State::kStream:
    case State::kStreamWork:
      return count_as(ConnectionState::kStream);
    case State::kLinger:
      return count_as(ConnectionState::kEnd);
    case State::kClosed:
      return;
  }
}

void HttpSession::count_as(ConnectionState counted) {
  if (counted == counted_) return;
  --front_.states[static_cast<std::size_t>(counted_)];
  ++front_.states[static_cast<std::size_t>(counted)];
  counted_ = counted;
}

// Whether there is another step to take now.
bool HttpSession::step() {
  switch (state_) {
    case State::kProxyHeader:
      return read_proxy_header();
    case State::kHandshake:
      return shake_hands();
    case State::kHead:
      return read_head();
    case State::kBody:
      return read_body();
    case State::kContinue:
    case State::kAnswer:
      return write_out();
    case State::kStream:
      return feed_stream();
    case State::kLinger:
      return linger();
    case State::kWork:
    case State::kStreamWork:
    case State::kClosed:
      return false;
  }
  return false;
}

bool HttpSession::read_proxy_header() {
  std::string bytes;
  switch (socket_.receive_before(bytes, proxy_header_->wanted())) {
    case Received::kNothing:
      wait(socket_.wanted());
      return false;
    case Received::kEnd:
      close();
      return false;
    case Received::kSome:
      break;
  }
  const ProxyHeaderReader::State state = proxy_header_->take(bytes);
  if (state == ProxyHeaderReader::State::kMore) return true;
  if (state == ProxyHeaderReader::State::kBad) {
    const HttpFault fault{400, "a connection from this address begins with a PROXY header"};
    if (!socket_.transport().is_tls()) return refuse(fault);
    static_cast<void>(fault_answer(fault));  // which counts it
    close();
    return false;
  }
  peer_ = proxy_header_->client().value_or(peer_);
  proxy_header_.reset();
  begin_head();
  begin_handshake();
  return true;
}

bool HttpSession::shake_hands() {
  const Transport::State state = socket_.transport().shake_hands().state;
  if (state != Transport::State::kDone) {
    if (wait_for(state)) return false;
    if (const std::string& refused = socket_.transport().refused_certificate(); !refused.empty()) {
      ++front_.certificates_refused;
      if (front_.options.refused_certificate)
        front_.options.refused_certificate(refused, peer_.text());
    }
    close();
    return false;
  }
  certificate_ = socket_.transport().client_certificate();
  begin_head();
  return true;
}

// Waits for a request.
void HttpSession::begin_head() {
  const Moment now = steady_clock::now();
  enter(State::kHead);
  exchange_.reset();
  out_.clear();
  searched_ = 0;
  if (in_.empty()) std::string().swap(in_);  // an idle connection holds no bytes
  const HttpServerLimits& limits = front_.options.limits;
  began_ = now;
  deadline_ = now + (in_.empty() ? limits.keep_alive_max : limits.head_time_max);
  if (is_reserve_) deadline_ = std::min(deadline_, now + kReserveHead);
  begin_waiting(now);
}

// One of the reserve makes room for nobody: its time is short.
void HttpSession::begin_waiting(Moment now) {
  if (!is_reserve_) loop_.begin_waiting(*this, now);
}

bool HttpSession::read_head() {
  const HttpServerLimits& limits = front_.options.limits;
  const HeadEnd end = find_request_head_end(in_, searched_);
  // However its bytes are cut: what is wrong with it beyond its length is not looked at.
  const bool is_open = end.is == HeadEnd::Is::kUnknown;
  if ((is_open ? in_.size() : end.at) > limits.head.head_bytes_max) {
    return refuse(
        {431, fmt::format("the head is longer than {} bytes", limits.head.head_bytes_max)});
  }
  if (end.is == HeadEnd::Is::kFound) return begin_request(end.at);
  if (end.is == HeadEnd::Is::kBareLineFeed) return refuse({400, "lines end in CR LF"});
  // A line may end where the next bytes begin.
  searched_ = in_.size();
  const bool was_idle = in_.empty();
  switch (receive()) {
    case Received::kSome:
      if (was_idle) {
        count_as(ConnectionState::kHead);
        began_ = steady_clock::now();
        deadline_ = began_ + limits.head_time_max;
        if (is_reserve_) deadline_ = std::min(deadline_, began_ + kReserveHead);
      }
      return true;
    case Received::kNothing:
      return false;
    case Received::kEnd:
      break;
  }
  if (!in_.empty()) return refuse({400, "the connection ends within a head"});
  close();
  return false;
}

bool HttpSession::begin_request(std::size_t head_end) {
  loop_.end_waiting(*this);
  const HttpServerOptions& options = front_.options;
  auto head = parse_request_head(std::string_view(in_).substr(0, head_end), options.limits.head);
  in_.erase(0, head_end);
  searched_ = 0;
  if (!head) return refuse(head.error());
  const std::string_view path = std::string_view(head->target).substr(0, head->target.find('?'));
  const bool is_vital = std::ranges::find(options.vital, path) != options.vital.end();
  if (is_reserve_ && !is_vital) {
    return refuse(
        {503, fmt::format("there are {} connections already", options.limits.connections_max)});
  }
  const auto client = client_of(options.proxies, peer_, *head);
  if (!client) return refuse({400, client.error()});
  const std::uint64_t content_bytes = head->content_bytes.value_or(0);
  exchange_ = std::make_unique<SessionExchange>(*std::move(head), client->text(), began_);
  exchange_->request.set_sender(*client == peer_ ? "" : peer_.text(), certificate_);
  if (auto fault = fault_of_method(exchange_->request.head().method)) {
    return refuse(*std::move(fault));
  }
  if (content_bytes > options.limits.body_bytes_max) {
    return refuse(BodyReader::too_long(options.limits.body_bytes_max));
  }
  try {
    exchange_->admission = options.admit(exchange_->request);
  } catch (const std::exception& error) {
    return refuse({500, error.what()});
  }
  return begin_body();
}

bool HttpSession::begin_body() {
  SessionExchange& exchange = *exchange_;
  const RequestHead& head = exchange.request.head();
  const HttpAdmission& admission = exchange.admission;
  const bool has_body = head.is_chunked || head.content_bytes.value_or(0) > 0;
  if (!has_body) return begin_work();
  exchange.is_read = false;
  if (!admission.reads_body) return begin_work();
  const std::uint64_t most =
      std::min(admission.body_bytes_max, front_.options.limits.body_bytes_max);
  if (head.content_bytes.value_or(0) > most) return refuse(BodyReader::too_long(most));
  exchange.body.emplace(head, most, front_.options.bodies, admission.asker);
  deadline_ = exchange.began + front_.options.limits.request_time_max;
  enter(State::kBody);
  if (!head.expects_continue || !in_.empty()) return true;
  out_.add(std::string(kContinueAnswer));
  enter(State::kContinue);
  return true;
}

bool HttpSession::read_body() {
  BodyReader& body = *exchange_->body;
  const auto used = body.read(in_);
  if (!used) return refuse(used.error());
  in_.erase(0, *used);
  if (body.is_done()) {
    exchange_->is_read = true;
    return begin_work();
  }
  switch (receive()) {
    case Received::kSome:
      return true;
    case Received::kNothing:
      return false;
    case Received::kEnd:
      break;
  }
  return refuse({400, "the body ends early"});
}

HttpSocket::Received HttpSession::receive() {
  const Received received = socket_.receive(in_);
  if (received == Received::kNothing) wait(socket_.wanted());
  return received;
}

void HttpSession::wait(HttpSocket::Wait type) { socket_.wait(shared_from_this(), type); }

// False where there is nothing to wait for any more.
bool HttpSession::wait_for(Transport::State state) {
  if (state == Transport::State::kClosed) return false;
  wait(state == Transport::State::kWantRead ? HttpSocket::Wait::wait_read
                                            : HttpSocket::Wait::wait_write);
  return true;
}

void HttpSession::pass_time(Moment now) {
  // A handshake may still be checked by the lists before.
  const bool is_known = state_ != State::kProxyHeader && state_ != State::kHandshake;
  is_revoked_ = is_revoked_ || (is_known && front_.revokes(socket_.transport(), tls_changes_));
  if (is_revoked_) {
    if (state_ != State::kWork && state_ != State::kStreamWork) return cut_off();
    is_stopping_ = true;  // a worker comes to its end first; until it has, this is called again
    if (!lacks_worker_) return;
  }
  if (lacks_worker_) {
    lacks_worker_ = false;
    if (state_ == State::kWork) return take_answer(std::move(exchange_->make), false);
    return run();
  }
  if (now < deadline_) return;
  switch (state_) {
    case State::kProxyHeader:
    case State::kHandshake:
    case State::kLinger:
      return close();
    case State::kHead:
      if (in_.empty()) return close_idle();
      return give_up({408, "the head did not arrive in time"});
    case State::kBody:
      return give_up({408, "the body did not arrive in time"});
    case State::kContinue:
    case State::kAnswer:
      return cut_off();
    case State::kWork:
    case State::kStream:
    case State::kStreamWork:
    case State::kClosed:
      return;
  }
}

void HttpSession::give_up(const HttpFault& fault) {
  attempt([&] { refuse(fault); });
  run();
}

void HttpSession::make_room() {
  ++front_.evicted;
  close_idle();
}

void HttpSession::stop() {
  is_stopping_ = true;
  switch (state_) {
    case State::kProxyHeader:
    case State::kHandshake:
    case State::kHead:
    case State::kContinue:
    case State::kBody:
    case State::kLinger:
      return close_idle();
    case State::kStream:
      return cut_off();
    case State::kAnswer:
      return write_until(deadline_);
    case State::kWork:
    case State::kStreamWork:
    case State::kClosed:
      return;
  }
}

// A client that waits for no answer is told that this is the end, and no fault.
void HttpSession::close_idle() {
  if (state_ == State::kHead) socket_.transport().end_sending();
  close();
}

void HttpSession::close() {
  socket_.close();
  leave();
}

// A client that does not take what it is sent.
void HttpSession::cut_off() {
  socket_.cut_off();
  leave();
}

void HttpSession::leave() {
  const auto self = shared_from_this();
  state_ = State::kClosed;
  --front_.states[static_cast<std::size_t>(counted_)];
  exchange_.reset();
  out_.clear();
  std::string().swap(in_);
  if (is_reserve_) --front_.reserve;
  --front_.open;
  loop_.leave(*this);
}
}  // namespace tocsin::api

#include "api/net/http_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string_view>
#include <utility>

#include "api/net/body_reader.h"
#include "api/net/http_answer.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
constexpr int kStepsAtOnce = 64;  // then it is another connection's turn
constexpr Milliseconds kStopGrace{1000};
constexpr Milliseconds kLastAnswer{1000};  // of a request whose time is over
constexpr Milliseconds kReserveHead{2000};
// What was sent and not read would make the system throw away the answer: it is read for a moment.
constexpr Milliseconds kLinger{500};  // from its last bytes
constexpr Milliseconds kLingerMax{3000};
// Beside a body of the size that one may have.
constexpr std::uint64_t kLingerBytes = std::uint64_t{1} << 20;

}  // namespace

struct HttpSession::Exchange {
  Exchange(RequestHead head, const std::string& remote, Moment began_in)
      : request(std::move(head), remote), began(began_in) {}
  HttpRequest request;
  Moment began;
  HttpAdmission admission;
  std::optional<BodyReader> body;
  bool is_read = true;  // the next request begins at the next byte
  std::shared_ptr<HttpStream> stream;
  std::shared_ptr<std::atomic<bool>> is_woken;  // and nobody has looked yet
  bool is_chunked = false;
};

HttpSession::HttpSession(HttpLoop& loop, HttpFront& front, int socket, std::string remote,
                         bool is_reserve)
    : loop_(loop),
      front_(front),
      socket_(loop.context(), socket, front.tls()),
      remote_(std::move(remote)),
      is_reserve_(is_reserve) {}
HttpSession::~HttpSession() = default;

void HttpSession::start() {
  loop_.join(shared_from_this());
  if (state_ == State::kClosed) return;
  begin_head();
  if (socket_.transport().is_tls()) {
    state_ = State::kHandshake;
    deadline_ = std::min(deadline_, began_ + front_.options.limits.head_time_max);
  }
  run();
}

void HttpSession::run() {
  const auto self = shared_from_this();
  for (int steps = 0; step(); ++steps) {
    if (steps < kStepsAtOnce) continue;
    loop_.post([self] { self->run(); });
    return;
  }
}

// Whether there is another step to take now.
bool HttpSession::step() {
  switch (state_) {
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

bool HttpSession::shake_hands() {
  const Transport::State state = socket_.transport().shake_hands().state;
  if (state != Transport::State::kDone) {
    if (!wait_for(state)) close();
    return false;
  }
  begin_head();
  return true;
}

// Waits for a request.
void HttpSession::begin_head() {
  const Moment now = steady_clock::now();
  state_ = State::kHead;
  exchange_.reset();
  out_.clear();
  searched_ = 0;
  if (in_.empty()) in_ = {};
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
  if (end.is == HeadEnd::Is::kFound) return begin_request(end.at);
  if (end.is == HeadEnd::Is::kBareLineFeed) return refuse({400, "lines end in CR LF"});
  // A line may end where the next bytes begin.
  searched_ = in_.size();
  if (in_.size() > limits.head.head_bytes_max) {
    return refuse(
        {431, fmt::format("the head is longer than {} bytes", limits.head.head_bytes_max)});
  }
  const bool was_idle = in_.empty();
  switch (receive()) {
    case Received::kSome:
      if (was_idle) {
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
  if (!head) return refuse(std::move(head.error()));
  const std::string_view path = std::string_view(head->target).substr(0, head->target.find('?'));
  const bool is_vital = std::ranges::find(options.vital, path) != options.vital.end();
  if (is_reserve_ && !is_vital) {
    return refuse(
        {503, fmt::format("there are {} connections already", options.limits.connections_max)});
  }
  const std::uint64_t content_bytes = head->content_bytes.value_or(0);
  exchange_ = std::make_unique<Exchange>(*std::move(head), remote_, began_);
  if (auto fault = fault_of_method(exchange_->request.head().method)) {
    return refuse(*std::move(fault));
  }
  if (content_bytes > options.limits.body_bytes_max) {
    return refuse(BodyReader::too_long(options.limits.body_bytes_max));
  }
  exchange_->admission = options.admit(exchange_->request);
  return begin_body();
}

bool HttpSession::begin_body() {
  Exchange& exchange = *exchange_;
  const RequestHead& head = exchange.request.head();
  const HttpAdmission& admission = exchange.admission;
  const bool has_body = head.is_chunked || head.content_bytes.value_or(0) > 0;
  if (!has_body) return begin_work();
  exchange.is_read = false;
  if (!admission.reads_body) return begin_work();
  const std::uint64_t most =
      std::min(admission.body_bytes_max, front_.options.limits.body_bytes_max);
  if (head.content_bytes.value_or(0) > most) return refuse(BodyReader::too_long(most));
  exchange.body.emplace(head, most, front_.options.bodies);
  deadline_ = exchange.began + front_.options.limits.request_time_max;
  state_ = State::kBody;
  if (!head.expects_continue || !in_.empty()) return true;
  out_.add(std::string(kContinueAnswer));
  state_ = State::kContinue;
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

HttpResponse HttpSession::handled(Exchange& exchange) const {
  if (exchange.body) exchange.request.set_body(exchange.body->take());
  HttpResponse response;
  try {
    response = exchange.admission.handle(exchange.request);
  } catch (const std::exception& error) {
    response = front_.options.fault_answer({500, error.what()});
  }
  exchange.body.reset();  // its bytes count no more
  exchange.admission.handle = nullptr;
  return response;
}

bool HttpSession::begin_work() {
  if (exchange_->admission.is_at_once) return begin_answer(handled(*exchange_));
  return hand_over();
}

bool HttpSession::hand_over() {
  state_ = State::kWork;
  const auto answered = [](const std::shared_ptr<HttpSession>& session, HttpResponse response) {
    session->loop_.post([session, response = std::move(response)]() mutable {
      if (session->state_ != State::kWork) return;
      session->begin_answer(std::move(response));
      session->run();
    });
  };
  const bool has_room =
      front_.workers.submit([self = shared_from_this(), answered](bool is_dropped) {
        answered(self, is_dropped ? self->front_.options.fault_answer({503, "the server stops"})
                                  : self->handled(*self->exchange_));
      });
  if (has_room) return false;
  return refuse({503, "as many requests wait for a worker as may (http.queue_max)"});
}

bool HttpSession::refuse(HttpFault fault) {
  loop_.end_waiting(*this);
  keeps_ = false;
  HttpResponse response = front_.options.fault_answer(fault);
  if (fault.status == 405) response.headers.push_back({"Allow", std::string(kAllowedMethods)});
  return begin_answer(std::move(response));
}

bool HttpSession::begin_answer(HttpResponse response) {
  const bool has_request = exchange_ != nullptr;
  const RequestHead* const head = has_request ? &exchange_->request.head() : nullptr;
  keeps_ = keeps_ && has_request && head->keep_alive && exchange_->is_read && !is_stopping_ &&
           !is_reserve_;
  AnswerFraming framing;
  framing.is_head = has_request && head->method == "HEAD";
  framing.is_1_1 = !has_request || head->is_1_1;
  if (response.stream && !framing.is_1_1) keeps_ = false;
  framing.keeps = keeps_;
  const Moment now = steady_clock::now();
  const Moment by = has_request ? exchange_->began + front_.options.limits.request_time_max : now;
  deadline_ = std::max(by, now + kLastAnswer);
  out_.clear();
  out_.add(format_answer_head(response, framing));
  state_ = State::kAnswer;
  if (framing.is_head) return true;
  if (response.stream && has_request) {
    exchange_->stream = std::move(response.stream);
    exchange_->is_chunked = framing.is_1_1;
    exchange_->is_woken = std::make_shared<std::atomic<bool>>(false);
    deadline_ = now + front_.options.limits.stream_write_max;
    exchange_->stream->begin([weak = weak_from_this(), woken = exchange_->is_woken] {
      if (woken->exchange(true)) return;
      const std::shared_ptr<HttpSession> self = weak.lock();
      if (!self) return;
      self->loop_.post([self, woken] {
        *woken = false;
        self->run();
      });
    });
  } else {
    out_.add(std::move(response.body));
  }
  return true;
}

bool HttpSession::write_out() {
  const Transport::State state = out_.send(socket_.transport());
  if (state != Transport::State::kDone) {
    if (!wait_for(state)) cut_off();
    return false;
  }
  if (state_ == State::kContinue) {
    state_ = State::kBody;
    return true;
  }
  if (exchange_ && exchange_->stream) {
    state_ = State::kStream;
    return true;
  }
  return end_answer();
}

// Takes what the stream has, once all before it is sent.
bool HttpSession::feed_stream() {
  lacks_worker_ = false;
  std::vector<SharedBytes> pieces;
  const HttpStream::Next next = exchange_->stream->take(pieces);
  if (next == HttpStream::Next::kEnd) exchange_->stream.reset();
  out_.add_chunk(std::move(pieces), exchange_->is_chunked);
  if (next == HttpStream::Next::kEnd && exchange_->is_chunked) out_.add("0\r\n\r\n");
  if (!out_.is_empty() || next == HttpStream::Next::kEnd) {
    deadline_ = steady_clock::now() + front_.options.limits.stream_write_max;
    state_ = State::kAnswer;
    return true;
  }
  if (next == HttpStream::Next::kReady) return true;
  if (is_stopping_) {
    cut_off();
    return false;
  }
  deadline_ = Moment::max();
  if (next == HttpStream::Next::kWork) {
    work_on_stream();
    return false;
  }
  // Nothing to send: is there anybody still? What a client says meanwhile is not for us.
  Received received = Received::kSome;
  while (received == Received::kSome && in_.size() <= front_.options.limits.head.head_bytes_max) {
    received = receive();
  }
  if (received != Received::kNothing) close();
  return false;
}

void HttpSession::work_on_stream() {
  state_ = State::kStreamWork;
  const bool has_room = front_.workers.submit([self = shared_from_this()](bool is_dropped) {
    bool is_broken = is_dropped;
    try {
      if (!is_dropped) self->exchange_->stream->work();
    } catch (const std::exception&) {
      is_broken = true;
    }
    self->loop_.post([self, is_broken] {
      self->state_ = State::kStream;
      if (is_broken) {
        self->cut_off();
      } else {
        self->run();
      }
    });
  });
  if (has_room) return;
  // It is tried again when time passes.
  state_ = State::kStream;
  lacks_worker_ = true;
}

bool HttpSession::end_answer() {
  if (is_stopping_) {
    close();
    return false;
  }
  if (keeps_) {
    begin_head();
    return true;
  }
  socket_.transport().end_sending();
  const Moment now = steady_clock::now();
  state_ = State::kLinger;
  deadline_ = now + kLinger;
  lingers_until_ = now + kLingerMax;
  lingered_ = 0;
  begin_waiting(now);
  return true;
}

bool HttpSession::linger() {
  in_.clear();
  switch (receive()) {
    case Received::kSome:
      deadline_ = std::min(steady_clock::now() + kLinger, lingers_until_);
      lingered_ += in_.size();
      if (lingered_ > front_.options.limits.body_bytes_max + kLingerBytes) break;
      return true;
    case Received::kNothing:
      return false;
    case Received::kEnd:
      break;
  }
  close();
  return false;
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
  if (lacks_worker_) {
    run();
    return;
  }
  if (now < deadline_) return;
  switch (state_) {
    case State::kHandshake:
    case State::kLinger:
      return close();
    case State::kHead:
      if (in_.empty()) return close();
      refuse({408, "the head did not arrive in time"});
      return run();
    case State::kBody:
      refuse({408, "the body did not arrive in time"});
      return run();
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

void HttpSession::make_room() { close(); }

void HttpSession::stop() {
  is_stopping_ = true;
  switch (state_) {
    case State::kHandshake:
    case State::kHead:
    case State::kContinue:
    case State::kBody:
    case State::kLinger:
      return close();
    case State::kStream:
      return cut_off();
    case State::kAnswer:
      deadline_ = std::min(deadline_, steady_clock::now() + kStopGrace);
      return;
    case State::kWork:
    case State::kStreamWork:
    case State::kClosed:
      return;
  }
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
  exchange_.reset();
  out_.clear();
  in_ = {};
  if (is_reserve_) --front_.reserve;
  --front_.open;
  loop_.leave(*this);
}
}  // namespace tocsin::api

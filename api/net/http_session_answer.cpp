#include <algorithm>
#include <atomic>
#include <utility>

#include "api/net/http_answer.h"
#include "api/net/http_session.h"
#include "api/net/session_exchange.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
constexpr Milliseconds kStopGrace{1000};
constexpr Milliseconds kLastAnswer{1000};  // of a request whose time is over
// What was sent and not read would make the system throw away the answer: it is read for a moment.
constexpr Milliseconds kLinger{500};  // from its last bytes
constexpr Milliseconds kLingerMax{3000};
// Beside a body of the size that one may have.
constexpr std::uint64_t kLingerBytes = std::uint64_t{1} << 20;
}  // namespace

HttpResponse HttpSession::handled(SessionExchange& exchange) const {
  if (exchange.body) exchange.request.set_body(exchange.body->take());
  HttpResponse response;
  try {
    response = exchange.admission.handle(exchange.request);
  } catch (const std::exception& error) {
    response = fault_answer({500, error.what()});
  }
  exchange.admission.handle = nullptr;
  return response;
}

HttpResponse HttpSession::made(const HttpPromise::Make& make) const {
  if (!make) return fault_answer({500, "the request was given up"});
  try {
    return make();
  } catch (const std::exception& error) {
    return fault_answer({500, error.what()});
  }
}

HttpResponse HttpSession::fault_answer(const HttpFault& fault) const {
  try {
    return front_.options.fault_answer(fault);
  } catch (const std::exception&) {
    HttpResponse bare;
    bare.status = fault.status;
    return bare;
  }
}

bool HttpSession::begin_work() {
  const HttpAdmission& admission = exchange_->admission;
  const std::size_t bytes = exchange_->body ? exchange_->body->size() : 0;
  const bool is_at_once = admission.is_at_once || (admission.at_once_bytes_max.has_value() &&
                                                   bytes <= *admission.at_once_bytes_max);
  if (is_at_once) {
    HttpResponse response = handled(*exchange_);
    if (!response.later) return begin_answer(std::move(response));
    enter(State::kWork);
    answer_with(std::move(response));
    return false;
  }
  enter(State::kWork);
  const bool has_room = front_.workers.submit(
      [self = shared_from_this()](bool is_dropped) {
        self->answer_with(is_dropped ? self->fault_answer({503, "the server stops"})
                                     : self->handled(*self->exchange_));
      },
      admission.asker);
  if (has_room) return false;
  return refuse({503,
                 "as many requests wait for a worker as may, of all or of yours (http.queue_max, "
                 "http.share_max)"});
}

// From any thread, in the state kWork, in which the connection stays until then, so that its loop
// is there whoever answers late. From here on the exchange is the loop's, or of who answers.
void HttpSession::answer_with(HttpResponse response) {
  if (!response.later) {
    loop_.post([self = shared_from_this(), response = std::move(response)]() mutable {
      if (self->state_ != State::kWork) return;
      self->attempt([&] { self->begin_answer(std::move(response)); });
      self->run();
    });
    return;
  }
  const HttpLater later = std::move(response.later);
  try {
    later(HttpPromise([self = shared_from_this()](HttpPromise::Make make, bool is_at_once) {
      self->loop_.post([self, make = std::move(make), is_at_once]() mutable {
        self->take_answer(std::move(make), is_at_once);
      });
    }));
  } catch (const std::exception&) {
    // The promise, which is gone, has answered.
  }
}

// What waited has its answer, to be made. Once the server stops there are no workers.
void HttpSession::take_answer(HttpPromise::Make make, bool is_at_once) {
  if (state_ != State::kWork) return;
  if (is_at_once || is_stopping_) {
    attempt([&] { begin_answer(made(make)); });
    return run();
  }
  const auto shared = std::make_shared<HttpPromise::Make>(std::move(make));
  const bool has_room = front_.workers.submit([self = shared_from_this(), shared](bool) {
    self->answer_with(self->made(std::exchange(*shared, nullptr)));
  });
  if (has_room) return;
  // It is tried again when time passes.
  exchange_->make = std::move(*shared);
  lacks_worker_ = true;
}

bool HttpSession::refuse(const HttpFault& fault) {
  loop_.end_waiting(*this);
  keeps_ = false;
  HttpResponse response = fault_answer(fault);
  if (fault.status == 405) response.headers.push_back({"Allow", std::string(kAllowedMethods)});
  return begin_answer(std::move(response));
}

bool HttpSession::begin_answer(HttpResponse response) {
  const bool has_request = exchange_ != nullptr;
  if (has_request) {
    // However long the client takes to read the answer, its body is gone, and counts no more.
    exchange_->request.take_body();
    exchange_->body.reset();
  }
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
  write_until(std::max(by, now + kLastAnswer));
  out_.clear();
  out_.add(format_answer_head(response, framing));
  enter(State::kAnswer);
  if (framing.is_head) return true;
  if (response.stream && has_request) {
    exchange_->stream = std::move(response.stream);
    exchange_->is_chunked = framing.is_1_1;
    exchange_->is_woken = std::make_shared<std::atomic<bool>>(false);
    write_until(now + front_.options.limits.stream_write_max);
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
    enter(State::kBody);
    return true;
  }
  if (exchange_ && exchange_->stream) {
    enter(State::kStream);
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
    write_until(steady_clock::now() + front_.options.limits.stream_write_max);
    enter(State::kAnswer);
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
  enter(State::kStreamWork);
  const bool has_room = front_.workers.submit([self = shared_from_this()](bool is_dropped) {
    bool is_broken = is_dropped;
    try {
      if (!is_dropped) self->exchange_->stream->work();
    } catch (const std::exception&) {
      is_broken = true;
    }
    self->loop_.post([self, is_broken] {
      self->enter(State::kStream);
      if (is_broken) {
        self->cut_off();
      } else {
        self->run();
      }
    });
  });
  if (has_room) return;
  // It is tried again when time passes.
  enter(State::kStream);
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
  enter(State::kLinger);
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

// What is sent must have been taken by then. A server that stops waits for a moment only.
void HttpSession::write_until(Moment deadline) {
  deadline_ = is_stopping_ ? std::min(deadline, steady_clock::now() + kStopGrace) : deadline;
}
}  // namespace tocsin::api

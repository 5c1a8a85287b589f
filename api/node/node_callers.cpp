#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/node/node_service.h"
#include "api/node/node_ticket.h"
#include "runtime/io/background_thread.h"

namespace tocsin::api {
namespace {
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Answers that wait for the disk: of callers that may have gone since, whose events are taken.
constexpr std::size_t kAnswersMax = 100'000;

Refusal not_there(const std::string& failure) {
  if (!failure.empty()) return {Refusal::Why::kFailed, failure};
  return {Refusal::Why::kEnding, "the server accepts no requests now: it is starting or stopping"};
}
}  // namespace

std::string_view event_status_name(EventStatus status) {
  switch (status) {
    case EventStatus::kAccepted:
      return "accepted";
    case EventStatus::kDuplicate:
      return "duplicate";
    case EventStatus::kLate:
      return "late";
    case EventStatus::kClamped:
      return "clamped";
    case EventStatus::kIgnored:
      return "ignored";
    case EventStatus::kInvalid:
      return "invalid";
  }
  return "";
}

// --- tickets -------------------------------------------------------------------------------------

TicketClock::~TicketClock() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void TicketClock::start() {
  thread_ = std::thread([this] { work(); });
}

void TicketClock::watch(const std::shared_ptr<NodeTicket>& ticket, Moment by) {
  bool is_sooner = false;
  {
    const std::lock_guard lock(mutex_);
    if (ticket->place) waiting_.erase(*ticket->place);
    ticket->place = waiting_.emplace(by, ticket);
    is_sooner = by < wakes_at_;
  }
  if (is_sooner) changed_.notify_one();
}

void TicketClock::forget(NodeTicket& ticket) {
  std::shared_ptr<NodeTicket> last;  // perhaps: it ends behind the lock
  const std::lock_guard lock(mutex_);
  if (!ticket.place) return;
  last = std::move((*ticket.place)->second);
  waiting_.erase(*ticket.place);
  ticket.place.reset();
}

void TicketClock::work() {
  runtime::begin_background_thread("event-patience");
  std::unique_lock lock(mutex_);
  while (!ends_) {
    std::vector<std::shared_ptr<NodeTicket>> due;
    const Moment now = steady_clock::now();
    while (!waiting_.empty() && waiting_.begin()->first <= now) {
      due.push_back(std::move(waiting_.begin()->second));
      due.back()->place.reset();
      waiting_.erase(waiting_.begin());
    }
    if (!due.empty()) {
      lock.unlock();
      for (const std::shared_ptr<NodeTicket>& ticket : due) ticket->lose_patience();
      due.clear();
      lock.lock();
      continue;
    }
    wakes_at_ = waiting_.empty() ? Moment::max() : waiting_.begin()->first;
    if (waiting_.empty()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, wakes_at_);
    }
  }
}

void NodeTicket::give(std::unique_lock<std::mutex>& lock, Served<EventAnswer> what) {
  const EventsAnswered told = std::exchange(answered, nullptr);
  clock.forget(*this);
  lock.unlock();
  told(std::move(what));
}

void NodeTicket::finish() {
  std::unique_lock lock(mutex);
  if (!answered) return;
  is_done = true;
  if (!batch.wait_for_alerts || has_alerts) return give(lock, std::move(answer));
  clock.watch(shared_from_this(), std::min(by, steady_clock::now() + *batch.wait_for_alerts));
}

void NodeTicket::finish_alerts() {
  std::unique_lock lock(mutex);
  has_alerts = true;
  if (answered && is_done) give(lock, std::move(answer));
}

void NodeTicket::refuse(const Refusal& why) {
  std::unique_lock lock(mutex);
  if (!answered) return;
  if (!is_done) return give(lock, tl::unexpected(why));
  answer.is_complete = false;
  give(lock, std::move(answer));
}

void NodeTicket::lose_patience() {
  refuse({Refusal::Why::kNotYet,
          "the events were not on disk in time, but may still be accepted: send them again, "
          "with a producer and sequence so that none is accepted twice"});
}

bool NodeTicket::is_over() {
  const std::lock_guard lock(mutex);
  return !answered;
}

// --- callers -------------------------------------------------------------------------------------

void NodeService::take(EventBatch batch, milliseconds patience, EventsAnswered answered) {
  const std::size_t bytes = batch.lines.size();
  const auto ticket = std::make_shared<Ticket>(std::move(batch), std::move(answered), *patience_);
  ticket->accepted_at = steady_clock::now();
  ticket->by = ticket->accepted_at + patience;
  patience_->watch(ticket, ticket->by);  // before anybody can answer it
  if (const std::optional<Refusal> refusal = put_in_queue(ticket, bytes))
    return ticket->refuse(*refusal);
  work_.notify_one();
}

// Or says why not.
std::optional<Refusal> NodeService::put_in_queue(const std::shared_ptr<Ticket>& ticket,
                                                 std::size_t bytes) {
  std::optional<Refusal> no_space = disk_.look_for_space(kAnswersMax);
  const std::lock_guard lock(mutex_);
  if (!is_open_) return not_there(failure_);
  if (no_space) {
    ++batches_refused_;
    return no_space;
  }
  const NodeServiceLimits& limits = options_.limits;
  const bool is_full = batches_.size() >= limits.batches_max ||
                       (queued_bytes_ != 0 && queued_bytes_ + bytes > limits.bytes_max);
  if (is_full) {
    ++batches_refused_;
    return Refusal{Refusal::Why::kFull,
                   fmt::format("{} requests with {} bytes of events wait already; send it again a "
                               "little later",
                               batches_.size(), queued_bytes_)};
  }
  queued_bytes_ += bytes;
  batches_.push_back(ticket);
  return std::nullopt;
}

Served<void> NodeService::ask(std::function<void(runtime::Node&)> question, milliseconds patience) {
  const auto asked = std::make_shared<Question>();
  asked->run = std::move(question);
  {
    const std::lock_guard lock(mutex_);
    if (!is_open_) return tl::unexpected(not_there(failure_));
    if (questions_.size() >= options_.limits.questions_max) {
      return tl::unexpected(
          Refusal{Refusal::Why::kFull, "too many requests wait for the engine already"});
    }
    questions_.push_back(asked);
  }
  work_.notify_one();
  std::unique_lock lock(asked->mutex);
  asked->changed.wait_for(lock, patience, [&] { return asked->is_begun || asked->is_done; });
  if (!asked->is_begun && !asked->is_done) {
    asked->is_called_off = true;
    return tl::unexpected(
        Refusal{Refusal::Why::kNotYet, "the engine was busy with events all the time"});
  }
  asked->changed.wait(lock, [&] { return asked->is_done; });
  if (asked->refusal) return tl::unexpected(*asked->refusal);
  return {};
}

Served<void> NodeService::pursue(std::function<bool(runtime::Node&)> step, milliseconds patience) {
  const auto pursuit = std::make_shared<Pursuit>();
  pursuit->step = std::move(step);
  Served<void> begun =
      ask([&](runtime::Node& /*node*/) { pursuits_.push_back(pursuit); }, patience);
  if (!begun) return begun;
  std::unique_lock lock(pursuit->mutex);
  pursuit->changed.wait(lock, [&] { return pursuit->is_done; });
  if (pursuit->refusal) return tl::unexpected(*pursuit->refusal);
  return {};
}

void NodeService::end_pursuits(const Refusal& refusal) {
  for (const std::shared_ptr<Pursuit>& pursuit : pursuits_) pursuit->end(refusal);
  pursuits_.clear();
}

NodeFigures NodeService::figures() const {
  const std::lock_guard lock(mutex_);
  NodeFigures figures = figures_;
  figures.queued_batches = batches_.size();
  figures.queued_questions = questions_.size();
  figures.queued_bytes = queued_bytes_;
  figures.batches_refused = batches_refused_;
  figures.no_room = no_room_;
  return figures;
}

std::string NodeService::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void NodeService::fail_all(const std::string& reason) {
  const Refusal refusal{Refusal::Why::kFailed, reason};
  std::deque<std::shared_ptr<Ticket>> batches;
  std::deque<std::shared_ptr<Question>> questions;
  {
    const std::lock_guard lock(mutex_);
    is_open_ = false;
    failure_ = reason;
    batches.swap(batches_);
    questions.swap(questions_);
    queued_bytes_ = 0;
  }
  for (std::shared_ptr<Ticket>& ticket : disk_.fail()) batches.push_back(std::move(ticket));
  end_pursuits(refusal);
  for (const Watch& watch : watches_) batches.push_back(watch.ticket);
  for (const std::shared_ptr<Ticket>& ticket : batches) ticket->refuse(refusal);
  for (const std::shared_ptr<Question>& question : questions) {
    {
      const std::lock_guard lock(question->mutex);
      question->refusal = refusal;
      question->is_done = true;
    }
    question->changed.notify_all();
  }
  if (options_.failed) options_.failed();
}

}  // namespace tocsin::api

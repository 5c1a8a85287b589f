#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/node/node_service.h"
#include "api/node/node_ticket.h"

namespace tocsin::api {
namespace {
using std::chrono::milliseconds;
using std::chrono::steady_clock;

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

Served<EventAnswer> NodeService::take(EventBatch batch, milliseconds patience) {
  const auto by = steady_clock::now() + patience;
  const std::size_t bytes = batch.lines.size();
  const std::optional<milliseconds> wait_for_alerts = batch.wait_for_alerts;
  const auto ticket = std::make_shared<Ticket>();
  ticket->batch = std::move(batch);
  ticket->accepted_at = steady_clock::now();
  const std::optional<Refusal> no_space = disk_.look_for_space();
  {
    const std::lock_guard lock(mutex_);
    if (!is_open_) return tl::unexpected(not_there(failure_));
    if (no_space) {
      ++batches_refused_;
      return tl::unexpected(*no_space);
    }
    const NodeServiceLimits& limits = options_.limits;
    const bool is_full = batches_.size() >= limits.batches_max ||
                         (queued_bytes_ != 0 && queued_bytes_ + bytes > limits.bytes_max);
    if (is_full) {
      ++batches_refused_;
      return tl::unexpected(Refusal{
          Refusal::Why::kFull,
          fmt::format("{} requests with {} bytes of events wait already; send it again a little "
                      "later",
                      batches_.size(), queued_bytes_)});
    }
    queued_bytes_ += bytes;
    batches_.push_back(ticket);
  }
  work_.notify_one();
  std::unique_lock lock(ticket->mutex);
  if (!ticket->changed.wait_until(lock, by, [&] { return ticket->is_done; })) {
    return tl::unexpected(
        Refusal{Refusal::Why::kNotYet,
                "the events were not on disk in time, but may still be accepted: send them again, "
                "with a producer and sequence so that none is accepted twice"});
  }
  if (ticket->refusal) return tl::unexpected(*ticket->refusal);
  if (wait_for_alerts) {
    const auto told_by = std::min(by, steady_clock::now() + *wait_for_alerts);
    const bool are_all = ticket->changed.wait_until(
        lock, told_by, [&] { return ticket->has_alerts || ticket->refusal; });
    ticket->answer.is_complete = are_all && !ticket->refusal && ticket->answer.is_complete;
  }
  // The node's thread may yet add alerts, which nobody reads.
  return ticket->answer;
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

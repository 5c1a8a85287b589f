#include "api/net/http_loop.h"

#include <vector>

#include "runtime/io/background_thread.h"

namespace tocsin::api {
HttpLoop::HttpLoop(std::chrono::milliseconds sweep, const char* name)
    : sweep_every_(sweep), name_(name), keeps_running_(context_.get_executor()), timer_(context_) {}
HttpLoop::~HttpLoop() = default;

void HttpLoop::start() {
  post([this] { sweep(); });
  thread_ = std::thread([this] {
    runtime::begin_background_thread(name_);
    context_.run();
  });
}

void HttpLoop::stop() {
  post([this] {
    is_stopping_ = true;
    // Those that end leave the list.
    const std::vector<std::shared_ptr<Member>> members(members_.begin(), members_.end());
    for (const std::shared_ptr<Member>& member : members) member->stop();
    end_if_left();
  });
}

void HttpLoop::end() {
  if (thread_.joinable()) thread_.join();
}

void HttpLoop::join(std::shared_ptr<Member> member) {
  Member& joined = *member;
  joined.place_ = members_.insert(members_.end(), std::move(member));
  if (is_stopping_) joined.stop();
}

void HttpLoop::leave(Member& member) {
  end_waiting(member);
  members_.erase(member.place_);
  end_if_left();
}

void HttpLoop::begin_waiting(Member& member, Moment now) {
  end_waiting(member);
  member.waits_since_ = now;
  member.waiting_ = waiting_.insert(waiting_.end(), &member);
  note_waiting();
}

void HttpLoop::end_waiting(Member& member) {
  if (!member.waiting_) return;
  waiting_.erase(*member.waiting_);
  member.waiting_.reset();
  note_waiting();
}

bool HttpLoop::make_room() {
  if (waiting_.empty()) return false;
  waiting_.front()->make_room();
  return true;
}

void HttpLoop::note_waiting() {
  waiting_since_ =
      waiting_.empty() ? INT64_MAX : waiting_.front()->waits_since_.time_since_epoch().count();
}

void HttpLoop::sweep() {
  if (is_stopping_ && members_.empty()) return;
  const Moment now = std::chrono::steady_clock::now();
  for (auto place = members_.begin(); place != members_.end();) {
    // It may leave.
    const std::shared_ptr<Member> member = *place++;
    member->pass_time(now);
  }
  if (is_stopping_ && members_.empty()) return;
  timer_.expires_after(sweep_every_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) sweep();
  });
}

void HttpLoop::end_if_left() {
  if (!is_stopping_ || !members_.empty()) return;
  timer_.cancel();
  keeps_running_.reset();
}
}  // namespace tocsin::api

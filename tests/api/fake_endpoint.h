/// An endpoint of webhooks and a clock for tests of who sends them.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/base/clock.h"
#include "api/net/http_client.h"

namespace tocsin::tests {
using api::Clock;
using api::HttpClient;
using api::HttpHeader;
using api::HttpReply;
using namespace std::chrono_literals;

inline constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Time that moves on only when both the one sender and `finish` wait for it, and then at once to
/// where the first of them wants to be. All but `unix_seconds` is called with the outbox's lock
/// held.
class FakeClock final : public Clock {
 public:
  Moment now() override { return Moment(std::chrono::microseconds(now_us_.load())); }
  std::int64_t unix_seconds() override { return now_us_.load() / 1'000'000; }
  void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& condition,
                  Moment until) override {
    const auto place = waiting_.insert(until);
    if (waiting_.size() == 2) {
      const auto first = std::max(now(), *waiting_.begin());
      now_us_ = std::chrono::ceil<std::chrono::microseconds>(first.time_since_epoch()).count();
    }
    if (now() < until) condition.wait_for(lock, 1ms);  // early or not, the outbox asks again
    waiting_.erase(place);
  }
  std::chrono::seconds elapsed() const {
    return std::chrono::seconds(now_us_.load() / 1'000'000 - kStartS);
  }

 private:
  static constexpr std::int64_t kStartS = 1'772'438'400;
  std::atomic<std::int64_t> now_us_ = kStartS * 1'000'000;
  std::multiset<Moment> waiting_;
};

struct Post {
  std::string id;
  std::string timestamp;
  std::string signature;
  std::string body;
};

/// Answers as a function says, which is given the number of the post, from 0. Threading: any.
class FakeClient final : public HttpClient {
 public:
  explicit FakeClient(std::function<HttpReply(std::size_t)> answer) : answer_(std::move(answer)) {}

  void begin(std::span<const HttpHeader> headers, std::string_view body, Done done) override {
    Post made;
    for (const HttpHeader& header : headers) {
      if (header.name == "webhook-id") made.id = header.value;
      if (header.name == "webhook-timestamp") made.timestamp = header.value;
      if (header.name == "webhook-signature") made.signature = header.value;
    }
    made.body = body;
    std::unique_lock lock(mutex_);
    posts_.push_back(std::move(made));
    changed_.notify_all();
    waiting_.push_back({posts_.size() - 1, std::move(done)});
    answer_waiting(lock);
  }
  void stop() override {
    std::unique_lock lock(mutex_);
    is_stopped_ = true;
    answer_waiting(lock);
  }
  /// Lets every post wait until `release` or `stop`.
  void hold() { set_held(true); }
  void release() { set_held(false); }
  void wait_for_post() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, 10s, [&] { return !posts_.empty(); }));
  }
  std::vector<Post> posts() {
    const std::lock_guard lock(mutex_);
    return posts_;
  }

 private:
  struct Waiting {
    std::size_t number = 0;
    Done done;
  };
  void set_held(bool is_held) {
    std::unique_lock lock(mutex_);
    is_held_ = is_held;
    answer_waiting(lock);
  }
  // Answers without the lock.
  void answer_waiting(std::unique_lock<std::mutex>& lock) {
    while (!waiting_.empty() && (!is_held_ || is_stopped_)) {
      const Waiting one = std::move(waiting_.front());
      waiting_.pop_front();
      const bool is_stopped = is_stopped_;
      lock.unlock();
      one.done(is_stopped ? HttpReply{.error = "given up"} : answer_(one.number));
      lock.lock();
    }
  }
  std::function<HttpReply(std::size_t)> answer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_held_ = false;
  bool is_stopped_ = false;
  std::vector<Post> posts_;
  std::deque<Waiting> waiting_;
};
}  // namespace tocsin::tests

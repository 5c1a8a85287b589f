#include "api/rest/check_slots.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace tocsin::api {
TEST_CASE("checks: they run in threads of lower priority, as many as may at once") {
  CheckSlots slots({.at_once = 2});
  HttpResponse good;
  good.status = 200;
  // Each runs while the next one begins.
  int depth = 0;
  int nices = 0;
  std::string refusal;
  const std::function<HttpResponse()> nested = [&]() -> HttpResponse {
    nices += ::getpriority(PRIO_PROCESS, 0);
    if (++depth < 3) {
      const HttpResponse inner = slots.run(nested);
      if (inner.status != 200) refusal = inner.body;
    }
    return good;
  };
  CHECK(slots.run(nested).status == 200);
  CHECK(depth == 2);
  CHECK(nices == 2 * 6);
  CHECK(refusal.find("2 checks and dry runs") != std::string::npos);
  CHECK(refusal.find("checks.at_once") != std::string::npos);
  CHECK(::getpriority(PRIO_PROCESS, 0) < 6);
  // A slot is given back, also where the work throws; who asked gets what it threw.
  for (int i = 0; i < 3; ++i) {
    CHECK_THROWS_AS(slots.run([]() -> HttpResponse { throw std::runtime_error("damaged"); }),
                    std::runtime_error);
  }
  CHECK(slots.run([&] { return good; }).status == 200);
}

namespace {
HttpResponse good() {
  HttpResponse answer;
  answer.status = 200;
  return answer;
}

// Asks, each in a thread of its own; what runs goes on until it is let go.
class Askers {
 public:
  explicit Askers(ReadSlots& slots) : slots_(slots) {}
  Askers(const Askers&) = delete;
  Askers& operator=(const Askers&) = delete;
  ~Askers() { let_go(); }
  void ask(const std::string& name) {
    threads_.emplace_back([this, name] {
      const HttpResponse answer = slots_.run(name, [this] {
        std::unique_lock lock(mutex_);
        most_ = std::max(most_, ++running_);
        nice_ = ::getpriority(PRIO_PROCESS, 0);
        changed_.wait(lock, [this] { return is_over_; });
        --running_;
        return good();
      });
      const std::lock_guard lock(mutex_);
      ++(answer.status == 200 ? answered_ : refused_);
      if (answer.status == 503) {
        has_retry_after_ = std::ranges::any_of(
            answer.headers, [](const HttpHeader& header) { return header.name == "Retry-After"; });
      }
    });
  }
  void await(std::size_t taken, std::size_t waiting, std::size_t refused) {
    // A place is taken before its work begins: what has one must also run.
    while (slots_.taken() != taken || running() != taken || slots_.waiting() != waiting ||
           this->refused() != refused)
      std::this_thread::yield();
  }
  void let_go() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  std::size_t running() const {
    const std::lock_guard lock(mutex_);
    return running_;
  }
  std::size_t refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }
  std::size_t answered() const { return answered_; }
  std::size_t most() const { return most_; }
  int nice() const { return nice_; }
  bool has_retry_after() const { return has_retry_after_; }

 private:
  ReadSlots& slots_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_over_ = false;
  std::size_t running_ = 0, most_ = 0, answered_ = 0, refused_ = 0;
  int nice_ = 0;
  bool has_retry_after_ = false;
  std::vector<std::thread> threads_;
};
}  // namespace

TEST_CASE("queries: of 24 at once few run, at lower priority, some wait, the others are refused") {
  ReadSlots slots({.at_once = 4, .waiting_max = 12, .patience = std::chrono::minutes(10)});
  Askers askers(slots);
  for (int i = 0; i < 24; ++i) askers.ask(fmt::format("token {}", i));
  askers.await(4, 12, 8);
  askers.let_go();
  CHECK(askers.answered() == 16);
  CHECK(askers.most() == 4);
  CHECK(askers.nice() == 6);
  CHECK(askers.has_retry_after());
  CHECK(slots.taken() == 0);
  CHECK(slots.waiting() == 0);
}

TEST_CASE("queries: one asker may not take all places to wait in") {
  ReadSlots slots(
      {.at_once = 1, .waiting_max = 4, .waiting_each = 2, .patience = std::chrono::minutes(10)});
  Askers askers(slots);
  for (int i = 0; i < 6; ++i) askers.ask("the token greedy");
  askers.await(1, 2, 3);
  askers.ask("the token other");
  askers.await(1, 3, 3);
  askers.let_go();
  CHECK(askers.answered() == 4);
}

TEST_CASE("queries: who waits too long is told so, a page of an export waits for its slot") {
  ReadSlots slots({.at_once = 1, .patience = std::chrono::milliseconds(1)});
  Askers askers(slots);
  askers.ask("first");
  askers.await(1, 0, 0);
  const HttpResponse late = slots.run("second", good);
  CHECK(late.status == 503);
  CHECK(late.body.find("queries.at_once") != std::string::npos);
  std::optional<std::string> page;
  std::thread exporting([&] { page = slots.page([] { return std::optional<std::string>("p"); }); });
  askers.await(1, 1, 0);
  askers.let_go();
  exporting.join();
  CHECK(page == "p");
  CHECK_THROWS_AS(slots.run("third", []() -> HttpResponse { throw std::runtime_error("damaged"); }),
                  std::runtime_error);
  CHECK(slots.run("third", good).status == 200);
}

TEST_CASE("shares: places are given back, and one asker has no more than a share of them") {
  SharedPlaces places(3, 2);
  SharedPlaces::Place first = places.take("a");
  SharedPlaces::Place second = places.take("a");
  CHECK(first);
  CHECK(second);
  CHECK_FALSE(places.take("a"));
  const SharedPlaces::Place third = places.take("b");
  CHECK(third);
  CHECK_FALSE(places.take("c"));  // all are taken
  CHECK(places.taken() == 3);
  first.reset();
  CHECK(places.taken() == 2);
  CHECK(places.take("a"));
  CHECK(places.taken() == 2);
}
}  // namespace tocsin::api

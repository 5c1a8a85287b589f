// Whoever passes events to the node hears of them once, whatever happens.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/node/node_service.h"
#include "tests/api/node_service_world.h"

namespace tocsin::tests {
namespace {
// What callers were told, by caller.
struct Told {
  explicit Told(std::size_t count) : answers(count) {}

  EventsAnswered by(std::size_t caller) {
    return [this, caller](Served<EventAnswer> answer) {
      {
        const std::lock_guard lock(mutex);
        answers[caller].push_back(std::move(answer));
      }
      ++all;
    };
  }
  void wait() const {
    const auto until = std::chrono::steady_clock::now() + kLong;
    while (all < answers.size() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(1ms);
    CHECK(all == answers.size());
  }
  // How many callers were told once, and so.
  std::size_t count(const auto& is_so) {
    const std::lock_guard lock(mutex);
    return static_cast<std::size_t>(std::ranges::count_if(
        answers, [&](const auto& told) { return told.size() == 1 && is_so(told.front()); }));
  }
  std::size_t taken() {
    return count([](const Served<EventAnswer>& answer) { return answer.has_value(); });
  }
  std::size_t refused(Refusal::Why why) {
    return count(
        [&](const Served<EventAnswer>& answer) { return !answer && answer.error().why == why; });
  }

  std::mutex mutex;
  std::vector<std::vector<Served<EventAnswer>>> answers;
  std::atomic<std::size_t> all{0};
};

void pass(Life& life, Told& told, std::size_t caller, const std::string& line,
          std::chrono::milliseconds patience = kLong,
          std::optional<std::chrono::milliseconds> alerts = {}) {
  EventBatch batch;
  batch.lines = line;
  batch.count = 1;
  batch.wait_for_alerts = alerts;
  life.service->take(std::move(batch), patience, told.by(caller));
}

std::string second(std::size_t number) { return payment(static_cast<std::int64_t>(number)); }

void wait_until_taken(Life& life, std::uint64_t lines) {
  for (std::uint64_t taken = 0; taken < lines;)
    REQUIRE(life.service->ask([&](Node& node) { taken = node.summary().lines; }, kLong));
}

TEST_CASE("node answers: thousands wait for one sync without a thread, and each is told once") {
  constexpr std::size_t kCallers = 3000;
  Home home;
  Life life(home);
  Told told(kCallers);
  life.gate.set(true);
  pass(life, told, 0, second(0));
  life.gate.wait_for_one();
  for (std::size_t i = 1; i < kCallers; ++i) pass(life, told, i, second(i));
  wait_until_taken(life, kCallers);
  CHECK(told.all == 0);
  const std::uint64_t before = life.service->figures().journal.commits;
  life.gate.set(false);
  told.wait();
  CHECK(told.taken() == kCallers);
  REQUIRE(life.service->stop(true));
  CHECK(told.taken() == kCallers);
  // All that waited behind the first shared a few syncs.
  CHECK(life.service->figures().journal.commits - before < 100);
}

TEST_CASE("node answers: where the journal fails, each caller is told once") {
  constexpr std::size_t kCallers = 500;
  Home home;
  Life life(home);
  Told told(kCallers + 1);
  life.gate.set(true);
  pass(life, told, 0, second(0));
  life.gate.wait_for_one();
  // Some wait for their turn, some for the disk, some for their alerts.
  for (std::size_t i = 1; i < kCallers; ++i) {
    pass(life, told, i, payment(static_cast<std::int64_t>(i), i % 3 == 0 ? "500" : "1"), kLong,
         i % 3 == 0 ? std::optional(kLong) : std::nullopt);
    if (i == kCallers / 2) wait_until_taken(life, i);
  }
  life.gate.set(false, true);
  while (!life.has_failed) std::this_thread::yield();
  pass(life, told, kCallers, second(kCallers));  // after it
  told.wait();
  CHECK(told.refused(Refusal::Why::kFailed) == kCallers + 1);
  CHECK_FALSE(life.service->stop(true));
  life.service.reset();
  CHECK(told.all == kCallers + 1);
}

TEST_CASE("node answers: who has lost patience is not told again") {
  constexpr std::size_t kCallers = 50;
  Home home;
  Life life(home);
  Told told(kCallers);
  life.gate.set(true);
  for (std::size_t i = 0; i < kCallers; ++i) pass(life, told, i, second(i), 5ms);
  told.wait();
  CHECK(told.refused(Refusal::Why::kNotYet) == kCallers);
  life.gate.set(false);
  // Its events were taken all the same.
  CHECK(statuses(life.take(second(0)), 1) == "du ");
  REQUIRE(life.service->stop(true));
  CHECK(told.refused(Refusal::Why::kNotYet) == kCallers);
}

TEST_CASE("node answers: patience that ends with the sync gives one of both answers") {
  Home home;
  Life life(home);
  constexpr std::size_t kRounds = 20;
  constexpr std::size_t kCallers = 50;
  for (std::size_t round = 0; round < kRounds; ++round) {
    Told told(kCallers);
    life.gate.set(true);
    for (std::size_t i = 0; i < kCallers; ++i) {
      const std::size_t number = round * kCallers + i;
      pass(life, told, i, payment(static_cast<std::int64_t>(number), i % 2 == 0 ? "500" : "1"),
           std::chrono::milliseconds(1 + i / 10),
           i % 2 == 0 ? std::optional(std::chrono::milliseconds(i % 3)) : std::nullopt);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(round % 6));
    life.gate.set(false);
    told.wait();
    CHECK(told.taken() + told.refused(Refusal::Why::kNotYet) == kCallers);
  }
  REQUIRE(life.service->stop(true));
}

TEST_CASE("node answers: a service that stops has told everybody before it has stopped") {
  constexpr std::size_t kCallers = 300;
  Home home;
  Life life(home, {}, cep::Duration{10'000'000});
  Told told(kCallers);
  life.gate.set(true);
  pass(life, told, 0, second(0));
  life.gate.wait_for_one();
  for (std::size_t i = 1; i < kCallers; ++i) {
    // Alerts of these would be waited for until time goes on, which it does not.
    pass(life, told, i, payment(static_cast<std::int64_t>(i % 5), "500", std::to_string(i)), kLong,
         i % 2 == 0 ? std::optional(kLong) : std::nullopt);
  }
  auto stopped = std::async(std::launch::async, [&] { return life.service->stop(true); });
  // It takes nothing more: such a caller is told at once.
  Told late(1);
  while (late.all == 0) {
    Told one(1);
    pass(life, one, 0, second(1), 1ms);
    one.wait();
    if (one.refused(Refusal::Why::kEnding) == 1) late.by(0)(tl::unexpected(Refusal{}));
  }
  CHECK(told.all == 0);
  life.gate.set(false);
  REQUIRE(stopped.get());
  CHECK(told.taken() == kCallers);
  CHECK(told.count([](const Served<EventAnswer>& answer) {
    return answer && !answer->is_complete;
  }) == (kCallers - 1) / 2);
}

TEST_CASE("node answers: what it is told with may call the service again") {
  Home home;
  Life life(home);
  constexpr int kDepth = 100;
  std::promise<void> done;
  std::function<void(int)> go_on = [&](int left) {
    if (left == 0) return done.set_value();
    EventBatch batch;
    batch.lines = payment(left);
    batch.count = 1;
    life.service->take(std::move(batch), kLong, [&, left](Served<EventAnswer> answer) {
      CHECK(answer.has_value());
      static_cast<void>(life.service->figures());
      go_on(left - 1);
    });
  };
  go_on(kDepth);
  REQUIRE(done.get_future().wait_for(kLong) == std::future_status::ready);
  REQUIRE(life.service->stop(true));
}

TEST_CASE("node answers: what was passed is gone once it is told") {
  Home home;
  Life life(home);
  const auto held = std::make_shared<int>(0);
  std::promise<void> told;
  EventBatch batch;
  batch.lines = payment(1);
  batch.count = 1;
  life.service->take(std::move(batch), kLong,
                     [&told, held](Served<EventAnswer>) { told.set_value(); });
  told.get_future().wait();
  const auto until = std::chrono::steady_clock::now() + kLong;
  while (held.use_count() > 1 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(1ms);
  CHECK(held.use_count() == 1);
}
}  // namespace
}  // namespace tocsin::tests

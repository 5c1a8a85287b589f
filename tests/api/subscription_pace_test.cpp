// How fast, how many at once and in which order an endpoint gets its alerts.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/outbox/subscription_service.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"
#include "tests/api/subscription_world.h"

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;
using nlohmann::ordered_json;
using tests::alert_at;
using tests::comes_true;
using tests::id_of;
using tests::quick_options;
using tests::Received;
using tests::Receiver;
using tests::World;

TEST_CASE("subscriptions: Retry-After holds everything back") {
  World world;
  const Receiver receiver([](std::size_t number) {
    if (number == 0) return HttpResponse{429, {{"Retry-After", "1"}}, "", ""};
    return Receiver::status(200);
  });
  const std::string id = id_of(world.subscribe(receiver, {{"concurrency", 1}}));
  world.raise(1, 4);
  REQUIRE(comes_true([&] { return world.owed(id) == 0; }));
  const std::vector<Received> received = receiver.received();
  REQUIRE(received.size() == 5);
  CHECK(received[1].at - received[0].at >= 950ms);
}

TEST_CASE("subscriptions: no more at once, nor in a second, than allowed; and in order by key") {
  World world;
  const Receiver narrow([](std::size_t) {
    std::this_thread::sleep_for(3ms);
    return Receiver::status(200);
  });
  const Receiver slow([](std::size_t) { return Receiver::status(200); });
  const Receiver orderly([](std::size_t number) {
    std::this_thread::sleep_for(1ms);
    return Receiver::status(number % 3 == 0 ? 503 : 200);
  });
  const std::string one = id_of(world.subscribe(narrow, {{"concurrency", 2}}));
  const std::string two = id_of(world.subscribe(slow, {{"per_second", 20}}));
  const std::string three = id_of(world.subscribe(orderly, {{"in_order", true}}));
  const auto began = std::chrono::steady_clock::now();
  world.raise(1, 30);
  REQUIRE(comes_true(
      [&] { return world.owed(one) == 0 && world.owed(two) == 0 && world.owed(three) == 0; }));
  CHECK(narrow.most_at_once() <= 2);
  // Twenty at once, ten more at twenty a second.
  CHECK(std::chrono::steady_clock::now() - began >= 450ms);
  // All alerts here have one key: each arrives well before the next is sent.
  std::vector<std::string> bodies;
  for (const Received& received : orderly.received()) {
    if (bodies.empty() || bodies.back() != received.body) bodies.push_back(received.body);
  }
  REQUIRE(bodies.size() == 30);
  for (int i = 1; i <= 30; ++i) CHECK(bodies[static_cast<std::size_t>(i - 1)] == alert_at(i).line);
}

TEST_CASE("subscriptions: in order, messages go one after the other, whatever they are about") {
  SubscriptionOptions options = quick_options();
  options.pool.retry_delays.assign(10'000, 5ms);  // none is given up
  World world(options);
  std::atomic<bool> is_well{false};
  const Receiver receiver([&](std::size_t) { return Receiver::status(is_well ? 200 : 503); });
  const ordered_json group = {{"by", {"card"}}, {"wait", "0s"}};
  const std::string id = id_of(world.subscribe(receiver, {{"in_order", true}, {"group", group}}));
  for (int i = 1; i <= 3; ++i) world.raise(i, i, {.card = "c" + std::to_string(i)});
  // Each alert and its message.
  REQUIRE(comes_true([&] { return world.owed(id) == 6 && receiver.count() >= 2; }));
  is_well = true;
  REQUIRE(comes_true([&] { return world.owed(id) == 0; }));
  std::vector<std::string> cards;
  for (const Received& received : receiver.received()) {
    const std::string card = ordered_json::parse(received.body).at("group").at("card");
    if (cards.empty() || cards.back() != card) cards.push_back(card);
  }
  CHECK(cards == std::vector<std::string>{"c1", "c2", "c3"});
}

TEST_CASE("subscriptions: endpoints that hang hold up none that answer") {
  SubscriptionOptions options = quick_options();
  options.pool.slots = 4;
  options.pool.unproven_slots = 8;
  options.timeouts = {.connect = 1s, .total = 8s};
  World world(options);
  std::atomic<bool> ends{false};
  const auto hang = [&](std::size_t) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!ends && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(5ms);
    return Receiver::status(200);
  };
  std::vector<std::unique_ptr<Receiver>> hanging;
  const Receiver healthy([](std::size_t) { return Receiver::status(200); });
  const std::string id = id_of(world.subscribe(healthy));
  world.raise(1, 1);
  REQUIRE(comes_true([&] { return world.owed(id) == 0; }));  // its last attempt succeeded
  for (int i = 0; i < 10; ++i) {
    hanging.push_back(std::make_unique<Receiver>(hang));
    world.subscribe(*hanging.back());
  }
  world.raise(2, 10);
  // As many as may wait for those that hang now do.
  REQUIRE(comes_true([&] {
    std::size_t count = 0;
    for (const auto& one : hanging) count += one->count();
    return count >= 4;
  }));
  const auto began = std::chrono::steady_clock::now();
  world.raise(11, 60);
  REQUIRE(comes_true([&] { return healthy.count() == 60; }));
  CHECK(std::chrono::steady_clock::now() - began < 5s);
  std::size_t waiting = 0;
  for (const auto& one : hanging) waiting += one->count();
  CHECK(waiting <= 8);
  ends = true;
  world.service->stop();
}

TEST_CASE("subscriptions: endpoints that begin to hang give back the slots of those that answer") {
  SubscriptionOptions options = quick_options();
  options.pool.slots = 4;
  options.pool.slow_after = 50ms;
  options.timeouts = {.connect = 1s, .total = 60s};
  World world(options);
  std::atomic<bool> hangs{false};
  std::atomic<bool> ends{false};
  const Receiver healthy([](std::size_t) { return Receiver::status(200); });
  const std::string id = id_of(world.subscribe(healthy));
  std::vector<std::unique_ptr<Receiver>> others;
  for (int i = 0; i < 3; ++i) {
    others.push_back(std::make_unique<Receiver>([&](std::size_t) {
      while (hangs && !ends) std::this_thread::sleep_for(5ms);
      return Receiver::status(200);
    }));
    world.subscribe(*others.back());
  }
  world.raise(1, 2);
  REQUIRE(comes_true([&] {
    return healthy.count() == 2 &&
           std::ranges::all_of(others, [](const auto& one) { return one->count() == 2; });
  }));
  REQUIRE(comes_true([&] { return world.owed(id) == 0; }));
  hangs = true;
  world.raise(3, 30);
  // More attempts than there are slots hang, until the end.
  REQUIRE(comes_true([&] { return healthy.count() == 30; }));
  std::size_t waiting = 0;
  for (const auto& one : others) waiting += one->count() - 2;
  CHECK(waiting <= 3 * 4);
  CHECK(waiting > 0);
  ends = true;
  world.service->stop();
}
}  // namespace
}  // namespace tocsin::api

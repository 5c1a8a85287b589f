#include "api/delivery/delivery_queue.h"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;
using Moment = DeliveryQueue::Moment;

constexpr Moment kStart{1000s};

DeliveryPolicy policy(std::vector<std::chrono::milliseconds> delays = {1s, 10s}) {
  return {
      .retry_delays = std::move(delays), .circuit = {.failures_in_a_row = 100}, .jitter_seed = 7};
}

Delivery delivery(const std::string& id) {
  return {.alert_id = id, .revision = 0, .webhook_id = "msg_" + id, .payload = "{}"};
}

AttemptOutcome failure(int status = 500) { return {.status = status, .error = "answered"}; }

TEST_CASE("delivery queue: alerts go out in the order in which they were added") {
  DeliveryQueue queue(policy());
  CHECK(queue.take(kStart) == std::nullopt);
  CHECK(queue.next_at() == std::nullopt);
  for (const char* id : {"a", "b", "c"}) queue.add(delivery(id), kStart);
  CHECK(queue.size() == 3);
  CHECK(queue.payload_bytes() == 6);
  std::string order;
  std::vector<DeliveryQueue::Ticket> tickets;
  while (const auto sending = queue.take(kStart)) {
    order += sending->delivery->alert_id;
    tickets.push_back(sending->ticket);
  }
  CHECK(order == "abc");
  CHECK(queue.sending_count() == 3);
  for (const DeliveryQueue::Ticket ticket : tickets)
    CHECK(queue.settle(ticket, {.status = 204}, kStart).delivered.has_value());
  CHECK(queue.size() == 0);
  CHECK(queue.payload_bytes() == 0);
  CHECK(queue.sending_count() == 0);
}

TEST_CASE("delivery queue: only 2xx delivers") {
  for (const int status : {0, 100, 199, 301, 302, 307, 400, 401, 404, 500, 503, 599}) {
    CAPTURE(status);
    DeliveryQueue queue(policy());
    queue.add(delivery("a"), kStart);
    CHECK(!queue.settle(queue.take(kStart)->ticket, failure(status), kStart).dead.has_value());
    CHECK(queue.size() == 1);
  }
  for (const int status : {200, 201, 202, 204, 299}) {
    CAPTURE(status);
    DeliveryQueue queue(policy());
    queue.add(delivery("a"), kStart);
    CHECK(queue.settle(queue.take(kStart)->ticket, failure(status), kStart).delivered.has_value());
    CHECK(queue.size() == 0);
  }
}

TEST_CASE(
    "delivery queue: waits follow the schedule, varied by up to a quarter, then the delivery is "
    "dead") {
  DeliveryQueue queue(policy({1s, 10s}));
  queue.add(delivery("a"), kStart);
  Moment now = kStart;
  for (const std::chrono::milliseconds wait : {1000ms, 10'000ms}) {
    CHECK(!queue.settle(queue.take(now)->ticket, failure(), now).dead.has_value());
    REQUIRE(queue.next_at().has_value());
    CHECK(*queue.next_at() >= now + wait * 3 / 4);
    CHECK(*queue.next_at() <= now + wait * 5 / 4);
    CHECK(queue.take(*queue.next_at() - 1ns) == std::nullopt);
    now = *queue.next_at();
  }
  const std::optional<Undelivered> dead =
      queue.settle(queue.take(now)->ticket, {.status = 502, .error = "answered 502"}, now).dead;
  REQUIRE(dead.has_value());
  CHECK(dead->delivery.alert_id == "a");
  CHECK(dead->attempts == 3);
  CHECK(dead->last_status == 502);
  CHECK(dead->last_error == "answered 502");
  CHECK(queue.size() == 0);
}

TEST_CASE("delivery queue: waits are varied, and the same seed varies them the same way") {
  const auto waits = [](std::uint64_t seed) {
    DeliveryPolicy seeded = policy({100s});
    seeded.jitter_seed = seed;
    DeliveryQueue queue(seeded);
    std::vector<Moment> due;
    for (int i = 0; i < 20; ++i) {
      queue.add(delivery("a"), kStart);
      queue.settle(queue.take(kStart)->ticket, failure(), kStart);
    }
    while (queue.next_at()) {
      due.push_back(*queue.next_at());
      queue.take(due.back());
    }
    return due;
  };
  const std::vector<Moment> first = waits(1);
  CHECK(first == waits(1));
  CHECK(first != waits(2));
  CHECK(first.back() - first.front() > 20s);  // of the 50 s that they may differ
}

TEST_CASE("delivery queue: what waits does not hold up what is new") {
  DeliveryQueue queue(policy());
  queue.add(delivery("a"), kStart);
  queue.settle(queue.take(kStart)->ticket, failure(), kStart);
  queue.add(delivery("b"), kStart);
  CHECK(queue.take(kStart)->delivery->alert_id == "b");
  CHECK(queue.take(kStart + 2s)->delivery->alert_id == "a");
}

TEST_CASE("delivery queue: what was owed first is tried first after a pause, and then goes first") {
  DeliveryPolicy short_pauses = policy({4s, 8s});
  short_pauses.circuit = {.failures_in_a_row = 1, .pause_first = 1s, .pause_max = 60s};
  DeliveryQueue queue(short_pauses);
  queue.add(delivery("a"), kStart);
  queue.settle(queue.take(kStart)->ticket, failure(), kStart);
  CHECK(queue.circuit_state() == CircuitState::kOpen);
  for (const char* id : {"b", "c", "d"}) queue.add(delivery(id), kStart + 1ms);
  // The pause is over, and `a` does not wait for its second attempt any more.
  const Moment probe = kStart + 10s;
  const auto first = queue.take(probe);
  REQUIRE(first.has_value());
  CHECK(first->delivery->alert_id == "a");
  CHECK(queue.take(probe) == std::nullopt);
  queue.settle(first->ticket, failure(), probe);
  // It waits for its third: one that always fails does not keep the endpoint from being tried.
  const Moment next = probe + 5s;
  const auto second = queue.take(next);
  REQUIRE(second.has_value());
  CHECK(second->delivery->alert_id == "b");
  queue.settle(second->ticket, {.status = 204}, next);
  std::string order;
  while (const auto sending = queue.take(next)) order += sending->delivery->alert_id;
  CHECK(order == "acd");
}

TEST_CASE("delivery queue: Retry-After holds back everything") {
  DeliveryQueue queue(policy());
  queue.add(delivery("a"), kStart);
  queue.add(delivery("b"), kStart);
  queue.settle(queue.take(kStart)->ticket, {.status = 429, .error = "", .retry_after = 60s},
               kStart);
  CHECK(queue.take(kStart + 59s) == std::nullopt);
  CHECK(queue.next_at() == kStart + 60s);
  CHECK(queue.take(kStart + 60s)->delivery->alert_id == "b");
  CHECK(queue.take(kStart + 60s)->delivery->alert_id == "a");
}

TEST_CASE("delivery queue: a Retry-After shorter than the schedule does not shorten it") {
  DeliveryQueue queue(policy({10s}));
  queue.add(delivery("a"), kStart);
  queue.settle(queue.take(kStart)->ticket, {.status = 503, .error = "", .retry_after = 1s}, kStart);
  CHECK(*queue.next_at() >= kStart + 7500ms);
}

TEST_CASE("delivery queue: 410 ends all sending") {
  DeliveryQueue queue(policy());
  queue.add(delivery("a"), kStart);
  queue.add(delivery("b"), kStart);
  const std::optional<Undelivered> gone =
      queue.settle(queue.take(kStart)->ticket, failure(410), kStart).dead;
  REQUIRE(gone.has_value());
  CHECK(gone->is_final);
  CHECK(gone->delivery.alert_id == "a");
  CHECK(queue.is_endpoint_gone());
  CHECK(queue.take(kStart + 24h) == std::nullopt);
  CHECK(queue.next_at() == std::nullopt);
  const std::vector<Undelivered> rest = queue.abandon_all();
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].delivery.alert_id == "b");
  CHECK(rest[0].attempts == 0);
  CHECK(rest[0].last_error == "");
  CHECK_FALSE(rest[0].is_final);
}

TEST_CASE("delivery queue: what was tried before goes on with its schedule, when it is due") {
  DeliveryQueue queue(policy({1s, 10s}));
  Delivery before = delivery("a");
  before.row = 17;
  queue.add(before, kStart + 5s, 1);
  CHECK(queue.take(kStart + 4s) == std::nullopt);
  const Settlement second = queue.settle(queue.take(kStart + 5s)->ticket,
                                         {.status = 500, .error = "answered 500"}, kStart + 5s);
  REQUIRE(second.failed.has_value());
  CHECK(second.failed->row == 17);
  CHECK(second.failed->attempts == 2);
  CHECK(second.failed->status == 500);
  CHECK(second.failed->error == "answered 500");
  CHECK(second.failed->wait >= 7s);
  CHECK(second.failed->wait <= 13s);
  CHECK(queue.next_at() == kStart + 5s + second.failed->wait);
  CHECK(
      queue.settle(queue.take(*queue.next_at())->ticket, failure(), kStart + 20s).dead->attempts ==
      3);
  // More than there are: one more.
  queue.add(delivery("b"), kStart, 99);
  CHECK(queue.settle(queue.take(kStart)->ticket, failure(), kStart).dead.has_value());
}

TEST_CASE(
    "delivery queue: after failures in a row one delivery at a time asks whether the endpoint is "
    "back") {
  DeliveryPolicy broken = policy({1h});
  broken.circuit = {.failures_in_a_row = 2, .pause_first = 10s, .pause_max = 60s};
  DeliveryQueue queue(broken);
  for (const char* id : {"a", "b", "c", "d", "e"}) queue.add(delivery(id), kStart);
  const auto a = queue.take(kStart);
  const auto b = queue.take(kStart);
  queue.settle(a->ticket, failure(), kStart);
  queue.settle(b->ticket, failure(0), kStart);
  CHECK(queue.circuit_state() == CircuitState::kOpen);
  CHECK(queue.take(kStart + 7s) == std::nullopt);
  const Moment probe_at = *queue.next_at();
  CHECK(probe_at >= kStart + 7500ms);
  CHECK(probe_at <= kStart + 12500ms);

  SUBCASE("the probe succeeds: all that waits is due, what was owed first first") {
    const auto probe = queue.take(probe_at);
    REQUIRE(probe.has_value());
    CHECK(probe->delivery->alert_id == "c");
    CHECK(queue.take(probe_at) == std::nullopt);
    CHECK(queue.next_at() == std::nullopt);
    queue.settle(probe->ticket, {.status = 200}, probe_at);
    std::string order;
    while (const auto next = queue.take(probe_at)) order += next->delivery->alert_id;
    CHECK(order == "abde");
  }
  SUBCASE("the probe fails: a longer pause") {
    queue.settle(queue.take(probe_at)->ticket, failure(), probe_at);
    CHECK(*queue.next_at() >= probe_at + 15s);
    CHECK(*queue.next_at() <= probe_at + 25s);
    CHECK(queue.take(*queue.next_at())->delivery->alert_id == "d");
  }
}

TEST_CASE("delivery queue: in a hurry waits are short and no attempt is the last") {
  DeliveryQueue queue(policy({1h}));
  queue.add(delivery("a"), kStart);
  queue.settle(queue.take(kStart)->ticket, failure(), kStart);
  CHECK(queue.take(kStart + 1min) == std::nullopt);
  Moment now = kStart + 1min;
  queue.hurry(4s, now);
  for (int i = 0; i < 10; ++i) {
    CAPTURE(i);
    const auto sending = queue.take(now);
    REQUIRE(sending.has_value());
    CHECK(!queue.settle(sending->ticket, failure(), now).dead.has_value());
    REQUIRE(queue.next_at().has_value());
    CHECK(*queue.next_at() >= now + 3s);
    CHECK(*queue.next_at() <= now + 5s);
    now = *queue.next_at();
  }
  queue.add(delivery("b"), now);
  queue.settle(queue.take(now)->ticket, failure(), now);  // a
  const auto b = queue.take(now);
  CHECK(b->delivery->alert_id == "b");
  queue.settle(b->ticket, failure(), now);
  queue.settle(queue.take(now + 1h)->ticket, failure(), now + 1h);
  CHECK(queue.size() == 2);
}

TEST_CASE("delivery queue: even in a hurry Retry-After is honoured") {
  DeliveryQueue queue(policy());
  queue.add(delivery("a"), kStart);
  queue.hurry(1s, kStart);
  queue.settle(queue.take(kStart)->ticket, {.status = 503, .error = "", .retry_after = 600s},
               kStart);
  CHECK(queue.next_at() == kStart + 600s);
  queue.hurry(1s, kStart + 1s);
  CHECK(queue.next_at() == kStart + 600s);
}

TEST_CASE("delivery queue: what is given up comes back in the order in which it was added") {
  DeliveryQueue queue(policy());
  for (const char* id : {"a", "b", "c"}) queue.add(delivery(id), kStart);
  queue.settle(queue.take(kStart)->ticket, {.status = 0, .error = "connection refused"}, kStart);
  const std::vector<Undelivered> rest = queue.abandon_all();
  REQUIRE(rest.size() == 3);
  CHECK(rest[0].delivery.alert_id == "a");
  CHECK(rest[0].attempts == 1);
  CHECK(rest[0].last_error == "connection refused");
  CHECK(rest[1].delivery.alert_id == "b");
  CHECK(rest[2].delivery.alert_id == "c");
  CHECK(queue.size() == 0);
  CHECK(queue.next_at() == std::nullopt);
}
TEST_CASE("delivery queue: deliveries of one order go one after the other, others meanwhile") {
  DeliveryQueue queue(policy({1s}));
  const auto in_order = [](const std::string& id, const std::string& order) {
    Delivery one = delivery(id);
    one.order = order;
    return one;
  };
  queue.add(in_order("a1", "a"), kStart);
  queue.add(in_order("a2", "a"), kStart);
  queue.add(in_order("b1", "b"), kStart);
  queue.add(in_order("a3", "a"), kStart);
  const auto a1 = queue.take(kStart);
  const auto b1 = queue.take(kStart);
  REQUIRE((a1 && b1));
  CHECK(a1->delivery->alert_id == "a1");
  CHECK(b1->delivery->alert_id == "b1");
  CHECK_FALSE(queue.take(kStart));
  // A failed one holds the others of its order back.
  queue.settle(a1->ticket, failure(), kStart);
  CHECK_FALSE(queue.take(kStart));
  const auto again = queue.take(kStart + 2s);
  REQUIRE(again);
  CHECK(again->delivery->alert_id == "a1");
  CHECK(again->attempt == 2);
  CHECK_FALSE(queue.take(kStart + 2s));
  // Given up, it does so no longer.
  CHECK(queue.settle(again->ticket, failure(), kStart + 2s).dead.has_value());
  const auto a2 = queue.take(kStart + 2s);
  REQUIRE(a2);
  CHECK(a2->delivery->alert_id == "a2");
  queue.settle(a2->ticket, {.status = 200}, kStart + 2s);
  queue.settle(b1->ticket, {.status = 200}, kStart + 2s);
  REQUIRE(queue.abandon_all().size() == 1);
  queue.add(in_order("a4", "a"), kStart);
  CHECK(queue.take(kStart)->delivery->alert_id == "a4");
}
}  // namespace
}  // namespace tocsin::api

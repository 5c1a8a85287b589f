// Subscriptions over real sockets: who is owed what, and what becomes of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api/delivery/signature.h"
#include "api/outbox/subscription_service.h"
#include "api/server/alert_routes.h"
#include "api/server/subscription_routes.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"
#include "tests/api/subscription_world.h"

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;
using nlohmann::ordered_json;
using tests::alert_at;
using tests::comes_true;
using tests::header_of;
using tests::id_of;
using tests::quick_options;
using tests::Received;
using tests::Receiver;
using tests::StoredAlerts;
using tests::World;

TEST_CASE("subscriptions: each alert arrives signed, and its delivery is told with the alert") {
  World world;
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  const ordered_json made =
      world.subscribe(receiver, {{"name", "case tool"}, {"headers", {{"X-Team", "fraud"}}}});
  const std::string secret = made.at("secret");
  CHECK(secret.starts_with("whsec_"));
  world.raise(1, 20);
  REQUIRE(comes_true([&] { return world.owed(id_of(made)) == 0; }));
  const std::vector<Received> received = receiver.received();
  REQUIRE(received.size() == 20);
  std::set<std::string> ids;
  std::set<std::string> bodies;
  for (const Received& one : received) {
    const std::int64_t now_s = world.stored.clock.now().us / 1'000'000;
    CHECK(verify_webhook(*WebhookSecret::parse(secret),
                         {one.headers.at("webhook-id"), one.headers.at("webhook-timestamp"),
                          one.headers.at("webhook-signature")},
                         one.body, now_s));
    CHECK(one.headers.at("x-team") == "fraud");
    CHECK(one.headers.at("content-type") == "application/json");
    ids.insert(one.headers.at("webhook-id"));
    bodies.insert(one.body);
  }
  for (int i = 1; i <= 20; ++i) CHECK(bodies.contains(alert_at(i).line));
  CHECK(ids.size() == 20);
  // The secret is never shown again.
  const HttpResponse shown = world.client.ask("reader", "GET", "/v1/subscriptions/" + id_of(made));
  CHECK(shown.body.find("whsec_") == std::string::npos);
  CHECK(world.client.ask("reader", "GET", "/v1/subscriptions").body.find("whsec_") ==
        std::string::npos);
  // Nor is what else may be one to those who only read.
  const ordered_json read = ordered_json::parse(shown.body);
  CHECK(read.at("headers").at("X-Team") == "hidden");
  CHECK(read.at("url").get<std::string>() + "/hook" == receiver.url());
  const ordered_json whole =
      world.client.json(200, "analyst", "GET", "/v1/subscriptions/" + id_of(made));
  CHECK(whole.at("headers").at("X-Team") == "fraud");
  CHECK(whole.at("url") == receiver.url());
  const ordered_json log = world.log(id_of(made));
  REQUIRE(log.size() == 20);
  CHECK(log[0].at("status") == 200);
  CHECK(log[0].at("answer") == "got it");
  CHECK(log[0].at("delivered") == true);
  const ordered_json alert =
      world.client.json(200, "reader", "GET", "/v1/alerts/" + alert_at(3).id);
  REQUIRE(alert.at("deliveries").size() == 1);
  CHECK(alert.at("deliveries")[0].at("state") == "delivered");
  CHECK(alert.at("deliveries")[0].at("subscription") == id_of(made));
  CHECK(alert.at("deliveries")[0].at("attempts").size() == 1);
}

TEST_CASE("subscriptions: an alert is owed to those whose filter admits it, from then on") {
  World world;
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  world.raise(1, 1);
  const std::vector<std::pair<ordered_json, int>> filters = {
      {ordered_json::object(), 4},      {{{"rules", {"geo"}}}, 1},
      {{{"tags", {"wire", "x"}}}, 1},   {{{"least_severity", "high"}}, 3},
      {{{"key", {{"card", "c9"}}}}, 1}, {{{"key", {{"card", "c9"}}}, {"rules", {"geo"}}}, 0}};
  std::vector<std::string> ids;
  for (const auto& [filter, expected] : filters) {
    const ordered_json made = world.subscribe(receiver, {{"filter", filter}});
    ids.push_back(id_of(made));
    world.client.json(200, "analyst", "POST", "/v1/subscriptions/" + ids.back() + "/pause");
  }
  world.raise(2, 2, {.rule = "geo"});
  world.raise(3, 3, {.tags = R"(["wire"])"});
  world.raise(4, 4, {.severity = cep::Severity::kLow});
  world.raise(5, 5, {.card = "c9"});
  world.raise(6, 6, {.is_live = false});
  for (std::size_t i = 0; i < filters.size(); ++i) {
    CAPTURE(filters[i].first.dump());
    CHECK(world.owed(ids[i]) == static_cast<std::uint64_t>(filters[i].second));
  }
  CHECK(receiver.count() == 0);
}

TEST_CASE("subscriptions: a failed delivery is tried again under its id; 3xx is a failure") {
  World world;
  const Receiver elsewhere([](std::size_t) { return Receiver::status(200); });
  const Receiver receiver([&](std::size_t number) {
    if (number == 0) return Receiver::status(500);
    if (number == 1) return HttpResponse{302, {{"Location", elsewhere.url()}}, "", ""};
    return Receiver::status(204);
  });
  const std::string id = id_of(world.subscribe(receiver));
  world.raise(1, 1);
  REQUIRE(comes_true([&] { return world.owed(id) == 0; }));
  const std::vector<Received> received = receiver.received();
  REQUIRE(received.size() == 3);
  CHECK(received[0].headers.at("webhook-id") == received[2].headers.at("webhook-id"));
  CHECK(received[0].body == received[2].body);
  CHECK(elsewhere.count() == 0);
  const ordered_json log = world.log(id);
  REQUIRE(log.size() == 3);
  CHECK(log[2].at("status") == 500);
  CHECK(log[2].at("error") == "answered 500");
  CHECK(log[1].at("status") == 302);
  CHECK(log[0].at("attempt") == 3);
}

TEST_CASE("subscriptions: what is given up is listed, told of once, and can be sent again") {
  World world;
  std::atomic<bool> is_well{false};
  const Receiver receiver([&](std::size_t) { return Receiver::status(is_well ? 200 : 500); });
  const std::string id = id_of(world.subscribe(receiver));
  const std::string path = "/v1/subscriptions/" + id;
  world.raise(1, 5);
  const auto dead = [&] {
    return world.client.json(200, "reader", "GET", path + "/dead").at("dead");
  };
  REQUIRE(comes_true([&] { return dead().size() == 5; }));
  CHECK(receiver.count() == 20);
  const ordered_json first = dead()[0];
  CHECK(first.at("number") == 1);
  CHECK(first.at("alert") == alert_at(1).id);
  CHECK(first.at("attempts") == 4);
  CHECK(first.at("status") == 500);
  REQUIRE(comes_true([&] {
    const ordered_json notices =
        world.client.json(200, "reader", "GET", "/v1/notices").at("notices");
    return notices.size() == 1 && notices[0].at("count") == 5;
  }));
  const ordered_json notice =
      world.client.json(200, "reader", "GET", "/v1/notices").at("notices")[0];
  CHECK(notice.at("kind") == "delivery_exhausted");
  CHECK(notice.at("subject") == id);
  is_well = true;
  // One of them.
  CHECK(world.client
            .json(202, "analyst", "POST", path + "/redeliver",
                  R"({"alert":")" + alert_at(2).id + "\"}")
            .at("owed") == 1);
  REQUIRE(comes_true([&] { return dead().size() == 4 && receiver.count() == 21; }));
  // Those that failed since a time: none since tomorrow, all since yesterday.
  CHECK(world.client
            .json(202, "analyst", "POST", path + "/redeliver",
                  R"({"failed_since":"2026-03-03T00:00:00Z"})")
            .at("owed") == 0);
  CHECK(world.client
            .json(202, "analyst", "POST", path + "/redeliver",
                  R"({"failed_since":"2026-03-01T00:00:00Z"})")
            .at("owed") == 4);
  REQUIRE(comes_true([&] { return world.owed(id) == 0; }));
  CHECK(receiver.count() == 25);
  // A range, though it has arrived.
  CHECK(world.client
            .json(202, "analyst", "POST", path + "/redeliver",
                  R"({"from":"2026-03-02T00:02:00Z","to":"2026-03-02T00:04:00Z"})")
            .at("owed") == 2);
  REQUIRE(comes_true([&] { return receiver.count() == 27 && world.owed(id) == 0; }));
  for (const char* const bad : {"{}", R"({"alert":"x","from":"2026-03-02T00:02:00Z"})",
                                R"({"from":"yesterday"})", R"({"ids":[]})"}) {
    world.client.json(400, "analyst", "POST", path + "/redeliver", bad);
  }
  world.client.json(404, "analyst", "POST", path + "/redeliver", R"({"alert":"00"})");
}

TEST_CASE("subscriptions: 410 disables, resuming begins anew") {
  World world;
  std::atomic<bool> is_gone{true};
  const Receiver receiver([&](std::size_t) { return Receiver::status(is_gone ? 410 : 200); });
  const std::string id = id_of(world.subscribe(receiver, {{"concurrency", 1}}));
  const std::string path = "/v1/subscriptions/" + id;
  world.raise(1, 3);
  REQUIRE(comes_true(
      [&] { return world.client.json(200, "reader", "GET", path).at("status") == "disabled"; }));
  world.raise(4, 5);
  CHECK(receiver.count() == 1);
  CHECK(world.owed(id) == 3);  // those after it are not owed
  is_gone = false;
  const ordered_json resumed = world.client.json(200, "analyst", "POST", path + "/resume");
  CHECK(resumed.at("status") == "active");
  world.raise(6, 6);
  // The first is among the dead.
  REQUIRE(comes_true([&] { return world.owed(id) == 1; }));
  CHECK(receiver.count() == 4);
}

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

TEST_CASE("subscriptions: what was owed, noted and set outlives the process") {
  SubscriptionOptions options = quick_options();
  options.pool.retry_delays = {1h, 1h};
  World world(options);
  std::atomic<int> status{500};
  const Receiver receiver([&](std::size_t) { return Receiver::status(status); });
  const ordered_json made = world.subscribe(receiver, {{"name", "x"}});
  world.raise(1, 3);
  REQUIRE(comes_true([&] { return world.log(id_of(made)).size() == 3; }));
  std::set<std::string> ids;
  for (const Received& one : receiver.received()) ids.insert(one.headers.at("webhook-id"));
  const std::string secret = world.service->find(id_of(made))->secret;
  world.service.reset();
  world.stored.restart(false);
  status = 200;
  world.stored.clock.advance(cep::Duration{7'200'000'000});
  // Another process over the same store.
  auto again = SubscriptionService::open(world.stored.store(), world.stored.effects(),
                                         world.stored.clock, options);
  REQUIRE(again);
  const auto found = (*again)->find(id_of(made));
  REQUIRE(found);
  CHECK(found->secret == secret);
  CHECK(found->name == "x");
  REQUIRE(comes_true([&] { return (*again)->owed(*found) == 0; }));
  for (const Received& one : receiver.received()) ids.insert(one.headers.at("webhook-id"));
  CHECK(ids.size() == 3);
  CHECK(receiver.count() == 6);
}

TEST_CASE("subscriptions: alerts are owed while nobody sends: before the service, and after it") {
  World world;
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  const std::string id = id_of(world.subscribe(receiver));
  world.service->stop();
  world.raise(1, 2);
  CHECK(world.owed(id) == 2);
  world.service.reset();
  world.stored.restart(true);
  // As a node does that recovers.
  const auto addressees = SubscriptionService::addressees(world.stored.store(), {}, nullptr);
  REQUIRE(addressees);
  world.stored.effects().set_addressees(*addressees);
  world.stored.raise(alert_at(3));
  Subscription subscription;
  subscription.id = id;
  CHECK(world.stored.effects().owed(subscription.endpoint()) == 3);
}

TEST_CASE("subscriptions: a rotated secret signs beside the one before, until that ends") {
  World world;
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  const ordered_json made = world.subscribe(receiver);
  const std::string path = "/v1/subscriptions/" + id_of(made);
  const ordered_json rotated =
      world.client.json(200, "analyst", "POST", path + "/secret", R"({"overlap":"1h"})");
  const std::string before = made.at("secret");
  const std::string after = rotated.at("secret");
  CHECK(before != after);
  const auto verified = [&](const std::string& secret) {
    const Received one = receiver.received().back();
    return verify_webhook(*WebhookSecret::parse(secret),
                          {one.headers.at("webhook-id"), one.headers.at("webhook-timestamp"),
                           one.headers.at("webhook-signature")},
                          one.body, world.stored.clock.now().us / 1'000'000)
        .has_value();
  };
  world.raise(1, 1);
  REQUIRE(comes_true([&] { return receiver.count() == 1; }));
  CHECK(verified(before));
  CHECK(verified(after));
  world.stored.clock.advance(cep::Duration{3'600'000'000});
  world.raise(2, 2);
  REQUIRE(comes_true([&] { return receiver.count() == 2; }));
  CHECK_FALSE(verified(before));
  CHECK(verified(after));
  world.client.json(400, "analyst", "POST", path + "/secret", R"({"overlap":"60d"})");
}

TEST_CASE("subscriptions: a further rotation keeps every secret that has not ended") {
  constexpr std::int64_t kHourUs = 3'600'000'000;
  const auto at = [](std::int64_t hours) { return cep::EventTime{hours * kHourUs}; };
  const auto hours = [](std::int64_t count) { return cep::Duration{count * kHourUs}; };
  using Secrets = std::vector<std::string>;
  Subscription one;
  one.id = "sub_1";
  one.url = "https://example.com/hook";
  one.secret = "a";
  REQUIRE(one.rotate("b", at(0), hours(24)));
  REQUIRE(one.rotate("c", at(1), hours(2)));
  CHECK(one.secrets_at(at(2)) == Secrets{"c", "b", "a"});
  CHECK(one.secrets_at(at(3)) == Secrets{"c", "a"});
  CHECK(one.secrets_at(at(24)) == Secrets{"c"});
  const Result<Subscription> read = decode_subscription(encode_subscription(one));
  REQUIRE_MESSAGE(read, read.error().message);
  CHECK(read->secrets_at(at(2)) == Secrets{"c", "b", "a"});
  // What has ended is forgotten, and an overlap of 0 ends all.
  REQUIRE(one.rotate("d", at(3), hours(1)));
  CHECK(one.secrets_before.size() == 2);
  Subscription ended = one;
  REQUIRE(ended.rotate("e", at(3), hours(0)));
  CHECK(ended.secrets_at(at(3)) == Secrets{"e"});
  // They are bounded, and the refusal says when there is room.
  for (std::size_t i = one.secrets_at(at(3)).size(); i < Subscription::kSecretsMax; ++i) {
    REQUIRE(one.rotate("x" + std::to_string(i), at(3), hours(24)));
  }
  const Result<void> full = one.rotate("y", at(3), hours(24));
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Errc::kConflict);
  CHECK(full.error().message.find("1970-01-01T04:00:00Z") != std::string::npos);
  CHECK(one.rotate("y", at(4), hours(24)));
}

TEST_CASE("subscriptions: one that was written with one secret before is read") {
  Subscription one;
  one.id = "sub_1";
  one.url = "https://example.com/hook";
  one.secret = "b";
  ordered_json written = ordered_json::parse(encode_subscription(one));
  written.erase("secrets_before");
  written["secret_before"] = "a";
  written["secret_before_until"] = 5;
  const Result<Subscription> read = decode_subscription(written.dump());
  REQUIRE_MESSAGE(read, read.error().message);
  CHECK(read->secrets_at({4}) == std::vector<std::string>{"b", "a"});
  CHECK(read->secrets_at({5}) == std::vector<std::string>{"b"});
}

TEST_CASE("subscriptions: as CloudEvents") {
  World world;
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  world.subscribe(receiver, {{"payload", "cloudevents"}});
  world.raise(1, 1);
  REQUIRE(comes_true([&] { return receiver.count() == 1; }));
  const Received one = receiver.received()[0];
  CHECK(one.headers.at("content-type") == "application/cloudevents+json");
  const ordered_json event = ordered_json::parse(one.body);
  CHECK(event.at("specversion") == "1.0");
  CHECK(event.at("id") == alert_at(1).id);
  CHECK(event.at("type") == "tocsin.alert.v1");
  CHECK(event.at("subject") == "card_testing");
  CHECK(event.at("time") == "2026-03-02T00:01:00Z");
  CHECK(one.body.find("\"data\":" + alert_at(1).line + "}") != std::string::npos);
}

TEST_CASE("subscriptions: a test message says how it went") {
  World world;
  const Receiver receiver([](std::size_t) {
    return HttpResponse{418, {}, "text/plain", std::string(5000, 'x')};
  });
  const std::string id = id_of(world.subscribe(receiver));
  const ordered_json tested =
      world.client.json(200, "analyst", "POST", "/v1/subscriptions/" + id + "/test");
  CHECK(tested.at("status") == 418);
  CHECK(tested.at("delivered") == false);
  CHECK(tested.at("answer") == std::string(1024, 'x'));
  CHECK(world.log(id).at(0).at("test") == true);
}

TEST_CASE("subscriptions: settings are changed by those who have read them") {
  World world;
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  const ordered_json made = world.subscribe(receiver, {{"name", "a"}, {"concurrency", 2}});
  const std::string path = "/v1/subscriptions/" + id_of(made);
  const std::string settings = R"({"url":")" + receiver.url() + R"(","name":"b"})";
  CHECK(world.client.json(428, "analyst", "PUT", path, settings).at("type") ==
        "urn:tocsin:problem:precondition-required");
  world.client.json(412, "analyst", "PUT", path, settings, {{"if-match", "\"9\""}});
  const HttpResponse put =
      world.client.ask("analyst", "PUT", path, settings, {{"if-match", "\"1\""}});
  REQUIRE(put.status == 200);
  CHECK(*header_of(put, "ETag") == "\"2\"");
  CHECK(ordered_json::parse(put.body).at("concurrency") == 4);  // as at a new one
  const ordered_json patched = world.client.json(
      200, "analyst", "PATCH", path, R"({"filter":{"rules":["geo"]},"per_second":5})",
      {{"if-match", "\"2\""}, {"content-type", "application/merge-patch+json"}});
  CHECK(patched.at("name") == "b");
  CHECK(patched.at("filter").at("rules") == ordered_json{"geo"});
  CHECK(patched.at("per_second") == 5);
  world.client.json(428, "analyst", "DELETE", path);
  world.client.json(403, "reader", "DELETE", path, "", {{"if-match", "*"}});
  CHECK(world.client.ask("analyst", "DELETE", path, "", {{"if-match", "\"3\""}}).status == 204);
  world.client.json(404, "reader", "GET", path);
  CHECK(world.client.json(200, "reader", "GET", "/v1/subscriptions").at("subscriptions").empty());
}

TEST_CASE("subscriptions: one that is removed is owed nothing, and holds no alert") {
  SubscriptionOptions options = quick_options();
  options.timeouts = {.connect = 1s, .total = 8s};
  World world(options);
  std::atomic<bool> ends{false};
  const Receiver receiver([&](std::size_t) {
    for (int i = 0; i < 4000 && !ends; ++i) std::this_thread::sleep_for(5ms);
    return Receiver::status(200);
  });
  const ordered_json made = world.subscribe(receiver);
  world.raise(1, 5);
  REQUIRE(comes_true([&] { return receiver.count() > 0; }));
  const auto began = std::chrono::steady_clock::now();
  CHECK(world.client
            .ask("analyst", "DELETE", "/v1/subscriptions/" + id_of(made), "", {{"if-match", "*"}})
            .status == 204);
  CHECK(std::chrono::steady_clock::now() - began < 5s);  // it is cut off
  ends = true;
  world.raise(6, 7);
  Subscription subscription;
  subscription.id = id_of(made);
  const runtime::EndpointId endpoint = subscription.endpoint();
  CHECK(world.stored.effects().owed(endpoint) == 0);
  std::size_t rows = 0;
  REQUIRE(world.stored.effects().reader().outbox(endpoint, 0, [&](const runtime::OutboxRow&) {
    ++rows;
    return true;
  }));
  CHECK(rows == 0);
}

TEST_CASE("subscriptions: settings that cannot be are refused with the member's name") {
  World world;
  const auto refused = [&](const std::string& settings, const std::string& part) {
    CAPTURE(settings);
    const ordered_json problem =
        world.client.json(400, "analyst", "POST", "/v1/subscriptions", settings);
    CAPTURE(problem.dump());
    CHECK(problem.at("detail").get<std::string>().find(part) != std::string::npos);
  };
  const auto with = [](const std::string& more) {
    return R"({"url":"http://127.0.0.1:9/",)" + more + "}";
  };
  refused("{}", "url");
  refused(R"({"url":"ftp://a/"})", "http");
  refused(R"({"url":"http://10.0.0.7/"})", "webhooks.allow");
  refused(R"({"url":"http://[::1]:9/"})", "webhooks.allow");
  refused(with(R"("colour":1)"), "colour");
  refused(with(R"("filter":{"rule":"x"})"), "filter");
  refused(with(R"("filter":{"rules":"x"})"), "filter.rules");
  refused(with(R"("filter":{"least_severity":"huge"})"), "least_severity");
  refused(with(R"("headers":{"Host":"x"})"), "Host");
  refused(with(R"("headers":{"webhook-id":"x"})"), "webhook-id");
  refused(with(R"("headers":{"X-A":"a\r\nb"})"), "X-A");
  refused(with(R"("headers":{"X A":"a"})"), "X A");
  refused(with(R"("concurrency":0)"), "concurrency");
  refused(with(R"("concurrency":1000)"), "concurrency");
  refused(with(R"("per_second":0)"), "per_second");
  refused(with(R"("payload":"xml")"), "payload");
  refused(with(R"("in_order":1)"), "in_order");
  refused(with(R"("name":"a","name":"b")"), "twice");
}

TEST_CASE("subscriptions: as many as there may be") {
  SubscriptionOptions options = quick_options();
  options.limits.subscriptions_max = 2;
  World world(options);
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  world.subscribe(receiver);
  world.subscribe(receiver);
  world.client.json(409, "analyst", "POST", "/v1/subscriptions",
                    R"({"url":")" + receiver.url() + "\"}");
}

TEST_CASE("subscriptions: the log keeps the last attempts of each endpoint") {
  StoredAlerts stored;
  DeliveryLog log(stored.store(), 5);
  const runtime::EndpointId one = runtime::EndpointId::of("one");
  const runtime::EndpointId other = runtime::EndpointId::of("other");
  for (std::uint64_t i = 1; i <= 12; ++i) {
    REQUIRE(log.add(one, {.number = i, .alert_id = "a", .attempt = 1, .status = 200}));
    if (i == 3) REQUIRE(log.add(other, {.number = 3, .alert_id = "b"}));
  }
  std::vector<std::uint64_t> numbers;
  REQUIRE(log.attempts(one, UINT64_MAX, [&](const LoggedAttempt& attempt) {
    numbers.push_back(attempt.number);
    return true;
  }));
  CHECK(numbers == std::vector<std::uint64_t>{12, 11, 10, 9, 8});
  const auto count_at = [&](const DeliveryLog& of, std::uint64_t number) {
    int count = 0;
    REQUIRE(of.attempts_at(number, [&](runtime::EndpointId, const LoggedAttempt&) {
      ++count;
      return true;
    }));
    return count;
  };
  CHECK(count_at(log, 3) == 1);  // of the other
  CHECK(count_at(log, 7) == 0);
  CHECK(count_at(log, 8) == 1);
  // Another process counts on.
  DeliveryLog again(stored.store(), 5);
  REQUIRE(again.add(one, {.number = 13}));
  CHECK(count_at(again, 8) == 0);
  REQUIRE(again.forget(one));
  CHECK(count_at(again, 13) == 0);
  CHECK(count_at(again, 3) == 1);
}
}  // namespace
}  // namespace tocsin::api

// Subscriptions over real sockets: who is owed what, and what becomes of it.
#include <doctest/doctest.h>

#include <atomic>
#include <set>
#include <string>
#include <vector>

#include "api/delivery/signature.h"
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
}  // namespace
}  // namespace tocsin::api

// Settings of subscriptions: how they are changed and refused, and what goes with a subscription.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
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
using tests::comes_true;
using tests::header_of;
using tests::id_of;
using tests::quick_options;
using tests::Receiver;
using tests::StoredAlerts;
using tests::World;

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

// Silences, and conditions of filters, over the API.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "api/rules/rule_loader.h"
#include "tests/api/subscription_world.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using tests::alert_at;
using tests::comes_true;
using tests::id_of;
using tests::Receiver;
using tests::World;
constexpr cep::Duration kMinute{60'000'000};

AlertConditions::PlanPtr plan_of(const std::string& field) {
  const std::string text = R"(
event payment { ts: time, id: string id, card: string, amount: decimal(2) }
rule card_testing "Probes" {
  by card
  when payment as p where amount > 1
  alert "x" { )" + field + R"(: p.amount }
}
)";
  const LoadedRules loaded = load_rules(
      {"rules.tocsin"}, {}, [&](const std::string&) -> Result<std::string> { return text; });
  REQUIRE(loaded.program);
  return loaded.loaded.rules->plan;
}
std::string silence(const ordered_json& filter, const char* until = "2026-03-02T13:00:00Z") {
  return ordered_json{{"filter", filter}, {"until", until}, {"reason", "a known test"}}.dump();
}
ordered_json delivery_at(World& world, int minute) {
  return world.client.json(200, "reader", "GET", "/v1/alerts/" + alert_at(minute).id)
      .at("deliveries")
      .at(0);
}
ordered_json notices(World& world) {
  return world.client.json(200, "reader", "GET", "/v1/notices").at("notices");
}

TEST_CASE("silences: are made, shown, found, and ended") {
  World world;
  const ordered_json made = world.client.json(201, "analyst", "POST", "/v1/silences",
                                              silence({{"rules", {"geo"}}, {"tags", {"ecom"}}}));
  CHECK(made.at("state") == "active");
  CHECK(made.at("created_by") == "analyst");
  CHECK(made.at("from") == "2026-03-02T12:01:00Z");
  CHECK(made.at("filter").at("rules") == ordered_json{"geo"});
  const std::string path = "/v1/silences/" + id_of(made);
  CHECK(world.client.json(200, "reader", "GET", path) == made);
  ordered_json later = ordered_json::parse(silence({{"key", {{"card", "c1"}}}}));
  later["from"] = "2026-03-02T12:30:00Z";
  CHECK(world.client.json(201, "analyst", "POST", "/v1/silences", later.dump()).at("state") ==
        "pending");
  const auto listed = [&](const std::string& query) {
    return world.client.json(200, "reader", "GET", "/v1/silences" + query).at("silences").size();
  };
  CHECK(listed("") == 2);
  CHECK(listed("?state=active") == 1);
  world.client.json(403, "reader", "DELETE", path);
  const ordered_json ended = world.client.json(200, "analyst", "DELETE", path);
  CHECK(ended.at("state") == "ended");
  CHECK(ended.at("ended_by") == "analyst");
  world.client.json(409, "analyst", "DELETE", path);
  world.client.json(404, "analyst", "DELETE", "/v1/silences/sil_0");
  // It is shown for five days.
  world.stored.clock.advance({5LL * cep::kDayUs - 1});
  CHECK(listed("?state=ended") == 2);
  world.stored.clock.advance({1});
  CHECK(listed("") == 1);
  world.client.json(404, "reader", "GET", path);
}

TEST_CASE("silences: what cannot be is refused with the member's name") {
  World world;
  const auto refused = [&](const std::string& settings, const std::string& part) {
    CAPTURE(settings);
    const ordered_json problem =
        world.client.json(400, "analyst", "POST", "/v1/silences", settings);
    CAPTURE(problem.dump());
    CHECK(problem.at("detail").get<std::string>().find(part) != std::string::npos);
  };
  refused("{}", "filter");
  refused(silence(ordered_json::object()), "filter");
  refused(silence({{"rule", "geo"}}), "filter");
  refused(silence({{"rules", {"geo"}}}, "soon"), "until");
  refused(silence({{"rules", {"geo"}}}, "2026-03-02T12:01:00Z"), "until");
  refused(R"({"filter":{"rules":["geo"]},"until":"2026-03-02T13:00:00Z"})", "reason");
  refused(R"({"filter":{"rules":["geo"]},"reason":"x"})", "until");
  refused(
      R"({"filter":{"rules":["geo"]},"reason":"x","from":"2026-03-02T12:00:00Z","until":"2026-03-02T13:00:00Z"})",
      "from");
  refused(R"({"who":"me"})", "who");
}

TEST_CASE("silences: as many as there may be that have not ended") {
  tests::SubscriptionOptions options = tests::quick_options();
  options.silences.silences_max = 2;
  World world(options);
  for (int i = 0; i < 2; ++i)
    world.client.json(201, "analyst", "POST", "/v1/silences", silence({{"rules", {"geo"}}}));
  const ordered_json problem =
      world.client.json(409, "analyst", "POST", "/v1/silences", silence({{"rules", {"geo"}}}));
  CHECK(problem.at("detail").get<std::string>().find("silences.max") != std::string::npos);
  world.stored.clock.advance({60 * kMinute.us});
  world.client.json(201, "analyst", "POST", "/v1/silences",
                    silence({{"rules", {"geo"}}}, "2026-03-02T14:00:00Z"));
}

TEST_CASE("silences: what is raised meanwhile is stored, not sent, and its record says by which") {
  World world;
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  const std::string id = id_of(world.subscribe(receiver));
  world.raise(1, 1);
  const ordered_json made = world.client.json(201, "analyst", "POST", "/v1/silences",
                                              silence({{"key", {{"card", "c1"}}}}));
  world.raise(2, 3);
  world.raise(4, 4, {.card = "c2"});
  world.client.json(200, "analyst", "DELETE", "/v1/silences/" + id_of(made));
  world.raise(5, 5);
  REQUIRE(comes_true([&] { return world.owed(id) == 0; }));
  CHECK(receiver.count() == 3);
  CHECK(delivery_at(world, 1).at("state") == "delivered");
  CHECK(delivery_at(world, 4).at("state") == "delivered");
  CHECK(delivery_at(world, 2) ==
        ordered_json{{"subscription", id}, {"state", "silenced"}, {"silence", id_of(made)}});
  CHECK(world.client.json(200, "reader", "GET", "/v1/alerts").at("alerts").size() == 5);
  // Who asks for it gets it.
  world.client.json(202, "analyst", "POST", "/v1/subscriptions/" + id + "/redeliver",
                    R"({"alert":")" + alert_at(2).id + "\"}");
  REQUIRE(comes_true([&] { return receiver.count() == 4; }));
  REQUIRE(comes_true([&] { return delivery_at(world, 2).at("state") == "delivered"; }));
  CHECK(delivery_at(world, 3).at("state") == "silenced");
}

TEST_CASE("silences: what waits for its next attempt when one begins is sent all the same") {
  World world;
  std::atomic<bool> is_well{false};
  const Receiver receiver([&](std::size_t) { return Receiver::status(is_well ? 200 : 500); });
  tests::SubscriptionOptions options = tests::quick_options();
  const std::string id = id_of(world.subscribe(receiver));
  world.raise(1, 1);
  REQUIRE(comes_true([&] { return receiver.count() > 0; }));
  world.client.json(201, "analyst", "POST", "/v1/silences", silence({{"rules", {"card_testing"}}}));
  is_well = true;
  REQUIRE(comes_true([&] { return world.owed(id) == 0; }));
  CHECK(delivery_at(world, 1).at("state") == "delivered");
}

TEST_CASE("silences: survive a power failure, and hold before there is a service") {
  World world;
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  world.subscribe(receiver);
  const ordered_json made =
      world.client.json(201, "analyst", "POST", "/v1/silences", silence({{"rules", {"geo"}}}));
  world.service.reset();
  world.stored.restart(true);
  const auto addressees = SubscriptionService::addressees(world.stored.store(), {}, nullptr);
  REQUIRE(addressees);
  world.stored.effects().set_addressees(*addressees);
  world.stored.raise(alert_at(1, {.rule = "geo"}));
  const auto withheld = world.stored.effects().reader().withheld(1);
  REQUIRE(withheld->size() == 1);
  CHECK(withheld->front().silence == id_of(made));
}

TEST_CASE("conditions: choose alerts for subscriptions and silences") {
  World world(tests::quick_options(), plan_of("total"));
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  const auto subscribed = [&](const std::string& condition) {
    std::string id = id_of(world.subscribe(receiver, {{"filter", {{"condition", condition}}}}));
    world.client.json(200, "analyst", "POST", "/v1/subscriptions/" + id + "/pause");
    return id;
  };
  // Their total is 3.40.
  const std::string more = subscribed("total > 3.39 and severity >= high");
  const std::string less = subscribed("total < 3.4");
  world.raise(1, 3);
  CHECK(world.owed(more) == 3);
  CHECK(world.owed(less) == 0);
  world.client.json(201, "analyst", "POST", "/v1/silences",
                    silence({{"condition", "card = \"c9\""}}));
  world.raise(4, 4, {.card = "c9"});
  world.raise(5, 5);
  CHECK(world.owed(more) == 4);
}

TEST_CASE("conditions: one that does not check is a problem with diagnostics") {
  World world(tests::quick_options(), plan_of("total"));
  const ordered_json filter = {{"condition", "total > 1 and amount > 100"}};
  const ordered_json settings = {{"url", "http://127.0.0.1:9/"}, {"filter", filter}};
  for (const auto& [path, body] : {std::pair{"/v1/subscriptions", settings.dump()},
                                   std::pair{"/v1/silences", silence(filter)}}) {
    const ordered_json problem = world.client.json(422, "analyst", "POST", path, body);
    CHECK(problem.at("type") == "urn:tocsin:problem:condition-does-not-check");
    REQUIRE(problem.at("diagnostics").size() == 1);
    const ordered_json& diagnostic = problem.at("diagnostics")[0];
    CHECK(diagnostic.at("level") == "error");
    CHECK(diagnostic.at("line") == 1);
    CHECK(diagnostic.at("column") == 15);
    CHECK(diagnostic.at("message").get<std::string>().find("amount") != std::string::npos);
  }
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  const std::string path = "/v1/subscriptions/" + id_of(world.subscribe(receiver));
  world.client.json(422, "analyst", "PATCH", path, ordered_json{{"filter", filter}}.dump(),
                    {{"if-match", "*"}});
  CHECK(world.client.json(200, "analyst", "GET", path).at("filter") == ordered_json::object());
}

TEST_CASE("conditions: one that other rules break is told of, and lets alerts through") {
  World world(tests::quick_options(), plan_of("total"));
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  const std::string id =
      id_of(world.subscribe(receiver, {{"filter", {{"condition", "total > 100"}}}}));
  const std::string plain = id_of(world.subscribe(receiver));
  for (const std::string& one : {id, plain})
    world.client.json(200, "analyst", "POST", "/v1/subscriptions/" + one + "/pause");
  const std::string silent = id_of(world.client.json(201, "analyst", "POST", "/v1/silences",
                                                     silence({{"condition", "total > 3"}})));
  world.raise(1, 1);
  CHECK(world.owed(plain) == 0);  // silenced
  CHECK(notices(world).empty());
  world.service->rules_changed(plan_of("sum"));
  const ordered_json told = notices(world);
  REQUIRE(told.size() == 2);
  CHECK(told[0].at("kind") == "condition_broken");
  CHECK(told[0].at("subject") == silent);
  CHECK(told[1].at("subject") == id);
  const auto error_of = [&](const std::string& path) {
    const ordered_json shown = world.client.json(200, "reader", "GET", path);
    return shown.value("condition_error", std::string());
  };
  CHECK(error_of("/v1/subscriptions/" + id).find("total") != std::string::npos);
  CHECK(error_of("/v1/silences/" + silent).find("total") != std::string::npos);
  world.raise(2, 2);
  CHECK(world.owed(id) == 1);
  CHECK(world.owed(plain) == 1);
  // It is told once, also of a deploy that changes nothing about it.
  world.service->rules_changed(plan_of("sums"));
  CHECK(notices(world).size() == 2);
  CHECK(notices(world)[0].at("count") == 1);
  // Rules that it fits have it asked again.
  world.service->rules_changed(plan_of("total"));
  CHECK(error_of("/v1/subscriptions/" + id).empty());
  world.raise(3, 3);
  CHECK(world.owed(id) == 1);
  CHECK(world.owed(plain) == 1);  // silenced
}
}  // namespace
}  // namespace tocsin::api

#include "api/alerts/rule_series.h"

#include <doctest/doctest.h>

#include <string>

#include "api/server/alert_routes.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using tests::alert_at;

struct World {
  explicit World(AlertQueryLimits limits = {})
      : triage(stored.store()),
        feed(stored.effects().reader()),
        services{stored.effects(), triage, feed, stored.clock, limits, {}} {
    add_alert_routes(client.router, services);
  }
  runtime::StoredAlert raise(int minute, const char* stored_at, const tests::AlertText& text = {}) {
    stored.clock.set(*cep::parse_time(stored_at));
    stored.raise(alert_at(minute, text));
    return **stored.effects().reader().alert(stored.effects().reader().mark()->number);
  }
  ordered_json series(const std::string& query = "") {
    return client.json(200, "reader", "GET", "/v1/rules/card_testing/series" + query);
  }
  tests::StoredAlerts stored;
  TriageStore triage;
  AlertFeed feed;
  AlertRouteServices services;
  tests::ApiClient client;
};
ordered_json day(const char* name, int alerts, int shadow, int confirmed, int dismissed) {
  ordered_json one = {{"day", name},
                      {"alerts", alerts},
                      {"shadow", shadow},
                      {"confirmed", confirmed},
                      {"dismissed", dismissed}};
  if (confirmed + dismissed > 0) one["precision"] = confirmed / (1.0 * (confirmed + dismissed));
  return one;
}

TEST_CASE("rule series: alerts and labels by the day on which they were stored") {
  World world;
  world.raise(1, "2026-03-07T23:59:59Z");  // too early
  const auto first = world.raise(2, "2026-03-08T00:00:00Z");
  const auto second = world.raise(3, "2026-03-08T23:59:59Z");
  world.raise(4, "2026-03-08T23:59:59Z", {.rule = "geo"});
  world.raise(5, "2026-03-10T07:00:00Z", {.is_live = false});
  const auto third = world.raise(6, "2026-03-10T08:00:00Z");
  REQUIRE(world.triage.change(first, {"ann", TriageAction::kConfirm, "", ""}, {}));
  REQUIRE(world.triage.change(second, {"ann", TriageAction::kDismiss, "", ""}, {}));
  REQUIRE(world.triage.change(third, {"ann", TriageAction::kConfirm, "", ""}, {}));
  REQUIRE(world.triage.change(third, {"ann", TriageAction::kClose, "", ""}, {}));
  const ordered_json found = world.series("?days=3");
  CHECK(found.at("rule") == "card_testing");
  CHECK(found.at("complete") == true);
  CHECK(found.at("examined") == 5);
  CHECK(found.at("days") ==
        ordered_json({day("2026-03-08", 2, 0, 1, 1), day("2026-03-09", 0, 0, 0, 0),
                      day("2026-03-10", 1, 1, 1, 0)}));
  CHECK(world.series().at("days").size() == 30);
  CHECK(world.series("?days=1").at("days").size() == 1);
  for (const char* const bad : {"?days=0", "?days=367", "?days=x"})
    world.client.json(400, "reader", "GET", std::string("/v1/rules/card_testing/series") + bad);
}

TEST_CASE("rule series: of all rules by one question, with the labels of all their alerts") {
  World world;
  const auto old = world.raise(1, "2026-03-01T00:00:00Z", {.rule = "old"});
  world.raise(2, "2026-03-08T12:00:00Z");
  world.raise(3, "2026-03-09T12:00:00Z", {.rule = "geo", .is_live = false});
  const auto last = world.raise(4, "2026-03-10T12:00:00Z");
  REQUIRE(world.triage.change(old, {"ann", TriageAction::kConfirm, "", ""}, {}));
  REQUIRE(world.triage.change(last, {"ann", TriageAction::kDismiss, "", ""}, {}));
  const ordered_json found = world.client.json(200, "reader", "GET", "/v1/alerts/by-rule?days=3");
  CHECK(found.at("days") == ordered_json({"2026-03-08", "2026-03-09", "2026-03-10"}));
  CHECK(found.at("rules") ==
        ordered_json(
            {{{"rule", "card_testing"}, {"alerts", {1, 0, 1}}, {"confirmed", 0}, {"dismissed", 1}},
             {{"rule", "geo"}, {"shadow", {0, 1, 0}}, {"confirmed", 0}, {"dismissed", 0}},
             {{"rule", "old"}, {"confirmed", 1}, {"dismissed", 0}}}));
  CHECK(found.at("examined") == 3);
  CHECK(found.at("complete") == true);
  CHECK(found.at("left_out") == 0);
  world.client.json(400, "reader", "GET", "/v1/alerts/by-rule?days=32");
  const auto few = all_rule_series(world.stored.effects().reader(), world.triage,
                                   world.stored.clock.now(), 3, 2, 1);
  REQUIRE(few.has_value());
  CHECK(few->rules.size() == 1);
  CHECK(few->rules.contains("card_testing"));  // it alerted last
  CHECK(few->left_out == 1);                   // no more are counted than there may be rules
  CHECK_FALSE(few->is_complete);
}

TEST_CASE("rule series: what was looked at is limited, and it says so") {
  World world({.rows_max = 2});
  for (int i = 1; i <= 3; ++i) world.raise(i, "2026-03-10T00:00:00Z");
  const ordered_json found = world.series("?days=1");
  CHECK(found.at("examined") == 2);
  CHECK(found.at("complete") == false);
  CHECK(found.at("days").at(0).at("alerts") == 2);
}
}  // namespace
}  // namespace tocsin::api

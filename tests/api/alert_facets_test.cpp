// Search, order and counts of alerts.
#include "api/alerts/alert_facets.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "api/alerts/alert_feed.h"
#include "api/server/alert_routes.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"
#include "tests/support/random.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using tests::alert_at;
using tests::StoredAlerts;
using Counts = std::map<std::string, std::uint64_t>;
using FoundNumbers = std::vector<std::uint64_t>;

struct FacetWorld {
  explicit FacetWorld(std::size_t rows_max = 1000)
      : triage(stored.store()),
        feed(stored.effects().reader(), {}),
        services{stored.effects(), triage, feed, stored.clock, {rows_max}, {}} {
    add_alert_routes(client.router, services);
  }
  ordered_json facets(const std::string& query) {
    return client.json(200, "reader", "GET", "/v1/alerts/facets?" + query);
  }
  Counts counts(const std::string& facet, const std::string& query) {
    Counts counts;
    const ordered_json answer = facets(query);
    for (const ordered_json& one : answer.at("facets").at(facet).at("values"))
      counts[one.at("value")] = one.at("count");
    return counts;
  }
  FoundNumbers numbers(const std::string& query) {
    FoundNumbers found;
    std::string cursor;
    do {
      const ordered_json page =
          client.json(200, "reader", "GET",
                      "/v1/alerts?limit=2&" + query + (cursor.empty() ? "" : "&cursor=" + cursor));
      for (const ordered_json& hit : page.at("alerts")) found.push_back(hit.at("number"));
      cursor = page.value("next", "");
    } while (!cursor.empty() && found.size() < 1000);
    return found;
  }
  void act(int minute, TriageAction action, const std::string& assignee = "") {
    const auto alert = stored.effects().reader().alert(static_cast<std::uint64_t>(minute));
    REQUIRE((alert && *alert));
    REQUIRE(triage.change(**alert, {"ann", action, assignee, ""}, {}));
  }
  StoredAlerts stored;
  TriageStore triage;
  AlertFeed feed;
  AlertRouteServices services;
  tests::ApiClient client;
};

TEST_CASE("alerts: by a condition on their fields, page by page, counted and exported") {
  FacetWorld world;
  world.stored.raise(alert_at(1, {.severity = cep::Severity::kLow}));
  world.stored.raise(alert_at(2, {.rule = "geo"}));
  for (int i = 3; i <= 9; ++i)
    world.stored.raise(alert_at(i, {.severity = cep::Severity::kCritical}));
  const std::string severe = "condition=severity%20%3E%20high";
  CHECK(world.numbers(severe) == FoundNumbers{9, 8, 7, 6, 5, 4, 3});
  CHECK(world.numbers(severe + "&order=oldest&rule=geo").empty());
  CHECK(world.numbers("condition=rule%20%3D%20%22geo%22%20or%20severity%20%3D%20low") ==
        FoundNumbers{2, 1});
  CHECK(world.numbers("condition=").size() == 9);
  CHECK(world.facets(severe).at("total") == 7);
  // A cursor is of one condition.
  const ordered_json first =
      world.client.json(200, "reader", "GET", "/v1/alerts?limit=2&" + severe);
  world.client.json(400, "reader", "GET",
                    "/v1/alerts?limit=2&condition=severity%20%3D%20critical&cursor=" +
                        first.at("next").get<std::string>());
  for (const char* const path :
       {"/v1/alerts", "/v1/alerts/facets", "/v1/alerts/export", "/v1/alerts/stream"}) {
    CAPTURE(path);
    const ordered_json refused =
        world.client.json(422, "reader", "GET", std::string(path) + "?condition=amount%20%3E%201");
    CHECK(refused.at("detail").get<std::string>().find("no field `amount`") != std::string::npos);
    CHECK(refused.at("diagnostics").size() == 1);
  }
  world.client.json(400, "reader", "GET", "/v1/alerts?condition=" + std::string(10'001, '1'));
}

TEST_CASE("alerts: words are searched in what people read, and each has to stand there") {
  FacetWorld world;
  world.stored.raise(alert_at(1, {.card = "C-77", .message = "Grand HOTEL, Lund"}));
  world.stored.raise(alert_at(2, {.rule = "hotel_night", .message = "a \\\"quoted\\\" night"}));
  world.stored.raise(alert_at(3, {.message = "nothing", .tags = R"(["Hotel"])"}));
  CHECK(world.numbers("text=hotel") == FoundNumbers{3, 2, 1});
  CHECK(world.numbers("text=%20HOTEL%20%20lund%20") == FoundNumbers{1});
  CHECK(world.numbers("text=hotel%20night") == FoundNumbers{2});
  CHECK(world.numbers("text=c-77") == FoundNumbers{1});
  CHECK(world.numbers("text=%22quoted%22") == FoundNumbers{2});
  CHECK(world.numbers("text=3.40") == FoundNumbers{3, 2, 1});  // a field, with its digits
  CHECK(world.numbers("text=" + alert_at(2).id) == FoundNumbers{2});
  // Names of members are no words of an alert, and events are evidence.
  CHECK(world.numbers("text=severity").empty());
  CHECK(world.numbers("text=payment").empty());
  CHECK(world.numbers("text=").size() == 3);
  CHECK(world.counts("rule", "text=lund") == Counts{{"card_testing", 1}});
  world.client.json(400, "reader", "GET",
                    "/v1/alerts?text=a%20b%20c%20d%20e%20f%20g%20h%20i%20j%20k");
}

TEST_CASE("alerts: several states, and to whom they are assigned") {
  FacetWorld world;
  for (int i = 1; i <= 5; ++i) world.stored.raise(alert_at(i));
  world.act(1, TriageAction::kConfirm);
  world.act(2, TriageAction::kAssign, "ann");
  world.act(3, TriageAction::kAssign, "bo");
  CHECK(world.numbers("status=open,confirmed") == FoundNumbers{5, 4, 1});
  CHECK(world.numbers("status=assigned,confirmed") == FoundNumbers{3, 2, 1});
  CHECK(world.numbers("assignee=ann") == FoundNumbers{2});
  CHECK(world.numbers("assignee=ann&status=assigned") == FoundNumbers{2});
  CHECK(world.numbers("assignee=bo&status=confirmed").empty());
  CHECK(world.numbers("assignee=") == FoundNumbers{5, 4, 1});
  CHECK(world.counts("assignee", "") == Counts{{"", 3}, {"ann", 1}, {"bo", 1}});
  CHECK(world.counts("status", "assignee=bo") == Counts{{"assigned", 1}});
  world.client.json(400, "reader", "GET", "/v1/alerts?status=open,done");
}

TEST_CASE("alerts: the severest first, page by page, whatever is raised meanwhile") {
  FacetWorld world(3);
  const std::vector<int> levels = {1, 4, 0, 2, 4, 3, 1, 1, 0};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    world.stored.raise(
        alert_at(static_cast<int>(i) + 1, {.severity = static_cast<cep::Severity>(levels[i])}));
  }
  CHECK(world.numbers("order=severity") == FoundNumbers{5, 2, 6, 4, 8, 7, 1, 9, 3});
  CHECK(world.numbers("order=severity&severity=low,info") == FoundNumbers{8, 7, 1, 9, 3});
  const ordered_json first =
      world.client.json(200, "reader", "GET", "/v1/alerts?order=severity&limit=3");
  const std::string next = "&limit=3&cursor=" + first.at("next").get<std::string>();
  world.stored.raise(alert_at(10, {.severity = cep::Severity::kCritical}));
  const ordered_json second =
      world.client.json(200, "reader", "GET", "/v1/alerts?order=severity" + next);
  for (const ordered_json& hit : second.at("alerts")) CHECK(hit.at("number") != 10);
  for (const char* const other : {"", "order=oldest", "order=severity&rule=x"})
    world.client.json(400, "reader", "GET", std::string("/v1/alerts?") + other + next);
}

TEST_CASE("alerts: a facet counts what another choice of it would give") {
  FacetWorld world;
  world.stored.raise(alert_at(1, {.rule = "a", .severity = cep::Severity::kLow}));
  world.stored.raise(alert_at(2, {.rule = "a", .severity = cep::Severity::kHigh}));
  world.stored.raise(alert_at(3, {.rule = "b", .severity = cep::Severity::kHigh}));
  world.stored.raise(alert_at(4, {.rule = "c", .severity = cep::Severity::kLow, .is_live = false}));
  world.stored.raise(alert_at(24 * 60, {.rule = "b", .severity = cep::Severity::kLow}));
  CHECK(world.facets("").at("total") == 4);
  CHECK(world.facets("shadow=true").at("total") == 5);
  CHECK(world.counts("rule", "rule=a") == Counts{{"a", 2}, {"b", 2}});
  CHECK(world.counts("severity", "rule=a") == Counts{{"low", 1}, {"high", 1}});
  CHECK(world.counts("rule", "severity=high") == Counts{{"a", 1}, {"b", 1}});
  CHECK(world.facets("rule=a&severity=high").at("total") == 1);
  const std::string day = "from=2026-03-02T00:00:00Z&to=2026-03-03T00:00:00Z";
  CHECK(world.counts("day", day) == Counts{{"2026-03-02", 3}, {"2026-03-03", 1}});
  CHECK(world.counts("rule", day) == Counts{{"a", 2}, {"b", 1}});
}

TEST_CASE("alerts: counting looks at no more alerts than it may, and leaves out rare values") {
  FacetWorld world(120);
  for (int i = 1; i <= 150; ++i)
    world.stored.raise(alert_at(i, {.rule = "r" + std::to_string(i % 110)}));
  const ordered_json answer = world.facets("");
  CHECK(answer.at("total") == 120);
  CHECK(answer.at("examined") == 120);
  CHECK(answer.at("complete") == false);
  CHECK(answer.at("facets").at("rule").at("values").size() == kFacetValuesMax);
  CHECK(answer.at("facets").at("rule").at("left_out") == 10);
  CHECK(answer.at("facets").at("rule").at("values").at(0).at("count") == 2);
}

TEST_CASE("alerts: counts are those of going through all of them") {
  tests::Random random(11);
  FacetWorld world;
  struct Made {
    std::string rule;
    cep::Severity severity;
    TriageState state = TriageState::kOpen;
  };
  std::vector<Made> made;
  for (int i = 1; i <= 80; ++i) {
    const Made one{std::string("r") + static_cast<char>('0' + random.below(3)),
                   static_cast<cep::Severity>(random.below(5))};
    world.stored.raise(alert_at(i, {.rule = one.rule, .severity = one.severity}));
    made.push_back(one);
    if (!random.chance(40)) continue;
    const TriageAction action = random.chance(50) ? TriageAction::kConfirm : TriageAction::kDismiss;
    world.act(i, action);
    made.back().state = *triage_after(TriageState::kOpen, action);
  }
  for (int round = 0; round < 30; ++round) {
    const std::string rule = random.chance(50) ? "r1" : "";
    const bool only_open = random.chance(50);
    Counts expected;
    for (const Made& one : made) {
      if ((rule.empty() || one.rule == rule) && (!only_open || one.state == TriageState::kOpen))
        ++expected[std::string(cep::severity_name(one.severity))];
    }
    CHECK(world.counts("severity", std::string("severity=low&rule=") + rule +
                                       (only_open ? "&status=open" : "")) == expected);
  }
}
}  // namespace
}  // namespace tocsin::api

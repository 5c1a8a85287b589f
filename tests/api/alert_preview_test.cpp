#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>

#include "api/alerts/alert_preview.h"
#include "api/rest/audit_log.h"
#include "api/server/alert_routes.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using tests::alert_at;
using tests::ApiClient;
using tests::StoredAlerts;

struct World {
  explicit World(AlertQueryLimits limits = {})
      : triage(stored.store()),
        feed(stored.effects().reader(), {}),
        audit(*AuditLog::open(stored.store(), stored.clock, {})),
        services{stored.effects(), triage, feed, stored.clock, limits, {}},
        client(nullptr, audit.get()) {
    add_alert_routes(client.router, services);
  }
  // Stored at that time, by the clock of the server.
  void raise(int minute, const char* stored_at, const tests::AlertText& text = {}) {
    runtime::StoredAlert alert = alert_at(minute, text);
    stored.clock.set(*cep::parse_time(stored_at));
    stored.raise(alert);
  }
  ordered_json preview(const std::string& body, const char* of = "silences") {
    return client.json(200, "analyst", "POST", fmt::format("/v1/{}/preview", of), body);
  }
  StoredAlerts stored;
  TriageStore triage;
  AlertFeed feed;
  std::unique_ptr<AuditLog> audit;
  AlertRouteServices services;
  ApiClient client;
};

TEST_CASE("preview: live alerts of the filter, by the time at which they were stored") {
  World world;
  world.raise(1, "2026-03-01T00:00:00Z");  // too early
  world.raise(2, "2026-03-08T00:00:00Z", {.rule = "geo"});
  world.raise(3, "2026-03-09T00:00:00Z");
  world.raise(4, "2026-03-09T00:00:00Z", {.severity = cep::Severity::kLow});
  world.raise(5, "2026-03-09T00:00:00Z", {.is_live = false});  // nobody is told of it
  world.raise(6, "2026-03-10T00:00:00Z", {.card = "c2"});
  world.stored.clock.set(*cep::parse_time("2026-03-10T12:00:00Z"));
  for (const char* const of : {"silences", "subscriptions"}) {
    CAPTURE(of);
    const ordered_json all = world.preview("{}", of);
    CHECK(all.at("matched") == 4);
    CHECK(all.at("examined") == 5);
    CHECK(all.at("complete") == true);
    CHECK(all.at("from") == "2026-03-03T12:00:00Z");
    CHECK(all.at("to") == "2026-03-10T12:00:00Z");
    REQUIRE(all.at("samples").size() == 4);
    CHECK(all.at("samples").at(0).at("alert").at("key").at("card") == "c2");
    CHECK(all.at("samples").at(3).at("alert").at("rule") == "geo");
  }
  CHECK(world.preview(R"({"filter":{"rules":["geo"]}})").at("matched") == 1);
  CHECK(world.preview(R"({"filter":{"least_severity":"high"}})").at("matched") == 3);
  CHECK(world.preview(R"({"filter":{"key":{"card":"c1"}},"within":"2d"})").at("matched") == 2);
  CHECK(world.preview(R"({"within":"1d"})").at("matched") == 1);
  CHECK(world.preview(R"({"within":"30d"})").at("matched") == 5);
}

TEST_CASE("preview: what was looked at is limited, and it says so") {
  World world({.rows_max = 3});
  for (int i = 1; i <= 9; ++i) world.raise(i, fmt::format("2026-03-10T0{}:00:00Z", i).c_str());
  const ordered_json found = world.preview("{}");
  CHECK(found.at("matched") == 3);
  CHECK(found.at("examined") == 3);
  CHECK(found.at("complete") == false);
  CHECK(found.at("from") == "2026-03-10T07:00:00Z");
  // Exactly as many as there are of that time.
  const ordered_json whole = world.preview(R"({"within":"121m"})");
  CHECK(whole.at("examined") == 3);
  CHECK(whole.at("complete") == true);
  World many;
  for (int i = 1; i <= 9; ++i) many.raise(i, "2026-03-10T00:00:00Z");
  CHECK(many.preview("{}").at("samples").size() == 5);
}

TEST_CASE("preview: a key that is asked for is in the audit log, and nothing else") {
  World world;
  world.raise(1, "2026-03-10T00:00:00Z");
  world.preview(R"({"filter":{"rules":["geo"]}})");
  REQUIRE(world.audit->page({}, 0, 10)->lines.empty());
  world.preview(R"({"filter":{"key":{"card":"ann's card"}}})");
  const Result<AuditPage> page = world.audit->page({}, 0, 10);
  REQUIRE(page->lines.size() == 1);
  const ordered_json entry = ordered_json::parse(page->lines[0]);
  CHECK(entry.at("action") == "previewSilence");
  CHECK(entry.at("read_by") == "key");
  CHECK(page->lines[0].find("ann") == std::string::npos);
}

TEST_CASE("preview: what is no filter, or for no analyst, is refused") {
  World world;
  for (const char* const bad :
       {"[]", R"({"filter":{"rule":["geo"]}})", R"({"filter":7})", R"({"within":"0s"})",
        R"({"within":"400d"})", R"({"within":7})", R"({"until":"1d"})"}) {
    CAPTURE(bad);
    world.client.json(400, "analyst", "POST", "/v1/silences/preview", bad);
  }
  world.client.json(422, "analyst", "POST", "/v1/silences/preview",
                    R"({"filter":{"condition":"amount >"}})");
  world.client.json(403, "reader", "POST", "/v1/subscriptions/preview", "{}");
}
}  // namespace
}  // namespace tocsin::api

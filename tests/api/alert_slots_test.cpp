// Queries and exports of alerts at once: slots, and places of which each asker has a share.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "api/server/alert_routes.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
using tests::alert_at;
using tests::ApiClient;
using tests::header_of;

TEST_CASE("alerts: exports have places, and queries slots") {
  ReadSlots reads({.at_once = 1, .waiting_max = 0, .exports_max = 3, .exports_each = 2});
  tests::StoredAlerts stored;
  TriageStore triage(stored.store());
  AlertFeed feed(stored.effects().reader());
  AlertRouteServices services{stored.effects(), triage, feed, stored.clock, {}, {}};
  services.reads = &reads;
  ApiClient client;
  add_alert_routes(client.router, services);
  stored.raise(alert_at(1));
  const auto begin = [&](const char* who) { return client.ask(who, "GET", "/v1/alerts/export"); };
  std::vector<HttpResponse> open;
  for (int i = 0; i < 2; ++i) open.push_back(begin("reader"));
  CHECK(begin("reader").status == 503);  // its share
  open.push_back(begin("analyst"));
  const HttpResponse refused = begin("admin");
  CHECK(refused.status == 503);
  const std::string* const retry_after = header_of(refused, "Retry-After");
  REQUIRE(retry_after != nullptr);
  CHECK(*retry_after == "1");
  CHECK(refused.body.find("queries.exports_max") != std::string::npos);
  for (const HttpResponse& one : open) {
    REQUIRE(one.status == 200);
    CHECK(ApiClient::streamed(one).find(alert_at(1).id) != std::string::npos);
  }
  open.pop_back();
  CHECK(begin("admin").status == 200);
  // While the one slot is taken.
  HttpResponse during;
  reads.run("somebody", [&] {
    during = client.ask("reader", "GET", "/v1/alerts");
    return HttpResponse();
  });
  CHECK(during.status == 503);
  CHECK(client.ask("reader", "GET", "/v1/alerts").status == 200);
}
}  // namespace
}  // namespace tocsin::api

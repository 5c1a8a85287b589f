#include <doctest/doctest.h>

#include <string>

#include "api/server/alert_routes.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
using tests::alert_at;
using tests::ApiClient;
using tests::StoredAlerts;

const std::string kFromHere = "event: triage_from_here\ndata: {}\n\n";

struct World {
  World()
      : triage(stored.store()),
        feed(stored.effects().reader()),
        services{stored.effects(), triage, feed, stored.clock, {}, {}} {
    add_alert_routes(client.router, services);
  }
  HttpResponse follow(const std::string& query) {
    HttpResponse response = client.ask("reader", "GET", "/v1/alerts/stream?" + query);
    REQUIRE(response.status == 200);
    ApiClient::streamed(response);  // it has caught up
    return response;
  }
  // What has come for a client by now.
  std::string take(const HttpResponse& response) {
    feed.step();
    return ApiClient::streamed(response);
  }
  void act(int alert, const std::string& body) {
    client.json(200, "analyst", "POST", "/v1/alerts/" + alert_at(alert).id + "/triage", body);
  }
  StoredAlerts stored;
  TriageStore triage;
  AlertFeed feed;
  AlertRouteServices services;
  ApiClient client;
};

std::string told(int alert, const std::string& rest) {
  return "event: triage\ndata: {\"alert\":\"" + alert_at(alert).id +
         "\",\"number\":" + std::to_string(alert) + "," + rest + "}\n\n";
}
}  // namespace

TEST_CASE("triage: a stream tells what is done with alerts, to those who ask") {
  World world;
  world.stored.raise(alert_at(1));
  world.stored.raise(alert_at(2, {.rule = "geo"}));
  HttpResponse first = world.client.ask("reader", "GET", "/v1/alerts/stream?triage=true");
  CHECK(ApiClient::streamed(first) == ": alerts\n\n" + kFromHere);
  const HttpResponse geo = world.follow("triage=true&rule=geo");
  const HttpResponse alone = world.follow("");
  world.act(1, R"({"action":"assign","assignee":"bob","comment":"call 555-0100"})");
  world.act(2, R"({"action":"dismiss"})");
  // Refused: nothing is told.
  world.client.json(409, "analyst", "POST", "/v1/alerts/" + alert_at(2).id + "/triage",
                    R"({"action":"release"})");
  const std::string dismissed = told(2, R"("state":"dismissed","label":"dismissed","version":1,)"
                                        R"("who":"analyst","action":"dismiss")");
  CHECK(world.take(first) == told(1, R"("state":"assigned","assignee":"bob","version":1,)"
                                     R"("who":"analyst","action":"assign")") +
                                 dismissed);
  CHECK(ApiClient::streamed(geo) == dismissed);
  CHECK(ApiClient::streamed(alone).empty());
  // Of several at once those that were changed.
  world.client.json(200, "analyst", "POST", "/v1/alerts/triage",
                    R"({"action":"confirm","alerts":[{"id":")" + alert_at(1).id + R"("},{"id":")" +
                        std::string(32, '0') + R"("}]})");
  CHECK(world.take(first) ==
        told(1, R"("state":"confirmed","assignee":"bob","label":"confirmed","version":2,)"
                R"("who":"analyst","action":"confirm")"));
  world.act(1, R"({"comment":"she knows"})");
  CHECK(world.take(first) ==
        told(1, R"("state":"confirmed","assignee":"bob","label":"confirmed","version":3,)"
                R"("who":"analyst","action":"comment")"));
  CHECK(ApiClient::streamed(geo).empty());
}

TEST_CASE("triage: a stream that misses changes says from where on it knows them") {
  World world;
  runtime::StoredAlert alert = alert_at(1);
  world.stored.raise(alert);
  alert.number = 1;
  const HttpResponse stream = world.follow("triage=true");
  // More than wait for a feed that is held up: the first ones are not told.
  constexpr std::uint64_t kMore = 4096 + 2;
  TriageRecord record;
  for (record.version = 1; record.version <= kMore; ++record.version) {
    world.feed.triaged(alert, record);
  }
  CHECK(world.take(stream) == kFromHere + told(1, R"("state":"open","version":4097)") +
                                  told(1, R"("state":"open","version":4098)"));
  // Nobody is told of an alert that is gone: their filters cannot be asked.
  alert.number = 9;
  world.feed.triaged(alert, record);
  CHECK(world.take(stream).empty());
}
}  // namespace tocsin::api

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/live/change_feed.h"
#include "api/live/live_route.h"
#include "api/server/alert_routes.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
using tests::alert_at;
using tests::ApiClient;
using tests::StoredAlerts;
using namespace std::chrono_literals;

const std::string kBegin = ": changes\n\n";
std::string event(const std::string& name, const std::string& data) {
  return "event: " + name + "\ndata: " + data + "\n\n";
}

// What changes, as a test says; counts the looks.
struct Changing {
  ChangeTopic topic(const std::string& name) {
    return {.event = name,
            .look = [this]() -> std::optional<ChangingState> {
              ++looks;
              return state;
            },
            .gone = [](const std::string& key) { return key + " is gone"; },
            .every = 0ms};
  }
  std::optional<ChangingState> state = ChangingState();
  int looks = 0;
};
struct Feed {
  explicit Feed(ChangeFeedOptions options = {.heartbeat = 1h})
      : changes({jobs.topic("jobs"), rules.topic("rules")}, std::move(options)) {}
  HttpResponse follow(Followed followed) {
    return event_stream(changes.follow(std::move(followed), [this] { return may_go_on; }));
  }
  std::string take(const HttpResponse& response) {
    changes.step();
    return ApiClient::streamed(response);
  }
  bool has_ended(const HttpResponse& response) {
    changes.step();
    std::vector<SharedBytes> pieces;
    return response.stream->take(pieces) == HttpStream::Next::kEnd;
  }
  Changing jobs, rules;
  bool may_go_on = true;
  ChangeFeed changes;
};
}  // namespace

TEST_CASE("live: a stream tells how things are, then the newest of what changed") {
  Feed feed;
  feed.jobs.state = ChangingState{{"1", "queued"}, {"2", "queued"}};
  feed.changes.step();
  CHECK(feed.jobs.looks == 0);  // nobody follows
  const HttpResponse first = feed.follow({.topics = {0}});
  CHECK(ApiClient::streamed(first) == kBegin + event("jobs", "queued") + event("jobs", "queued"));
  CHECK(feed.take(first).empty());
  feed.jobs.state = ChangingState{{"2", "queued"}, {"1", "running"}};
  const HttpResponse second = feed.follow({.topics = {1, 0}});
  CHECK(feed.take(first) == event("jobs", "running"));
  CHECK(ApiClient::streamed(second).starts_with(kBegin));
  // One that takes nothing for a while is told the newest alone, in the order of the changes.
  feed.jobs.state = ChangingState{{"1", "done"}, {"2", "running"}};
  CHECK(feed.take(first) == event("jobs", "done") + event("jobs", "running"));
  feed.rules.state = ChangingState{{"", "7"}};
  feed.changes.step();
  feed.jobs.state = ChangingState{{"2", "done"}, {"3", "queued"}};
  CHECK(feed.take(second) == event("rules", "7") + event("jobs", "done") + event("jobs", "queued") +
                                 event("jobs", "1 is gone"));
  // What cannot be read stays as it was.
  feed.jobs.state.reset();
  CHECK(feed.take(first) ==
        event("jobs", "done") + event("jobs", "queued") + event("jobs", "1 is gone"));
  CHECK(feed.take(first).empty());
  CHECK(feed.rules.looks > 0);
}

TEST_CASE("live: what is gone is kept for slow followers up to a number, and they are ended then") {
  Feed feed;
  ChangingState many;
  for (int i = 0; i < 300; ++i) many.emplace(std::to_string(i), "there");
  feed.jobs.state = many;
  const HttpResponse slow = feed.follow({.topics = {0}});
  const HttpResponse other = feed.follow({.topics = {1}});
  ApiClient::streamed(slow);
  ApiClient::streamed(other);
  feed.jobs.state = ChangingState();
  CHECK(feed.has_ended(slow));
  CHECK(!feed.has_ended(other));
  // Who comes now is told of nothing that is gone.
  CHECK(ApiClient::streamed(feed.follow({.topics = {0}})) == kBegin);
}

TEST_CASE("live: a stream has heartbeats, and ends when it may not go on, or the feed stops") {
  bool is_closing = false;
  Feed feed({.followers_max = 2, .heartbeat = 0ms, .is_closing = [&] { return is_closing; }});
  HttpResponse beating = feed.follow({.topics = {1}});
  HttpResponse quiet = feed.follow({.topics = {1}, .has_heartbeat = false});
  std::vector<SharedBytes> pieces;
  CHECK(beating.stream->take(pieces) == HttpStream::Next::kReady);
  CHECK(beating.stream->take(pieces) == HttpStream::Next::kReady);
  CHECK(*pieces.at(1) == ": heartbeat\n\n");
  CHECK(feed.take(quiet) == kBegin);
  CHECK(feed.take(quiet).empty());
  CHECK(feed.changes.follow({.topics = {0}}, [] { return true; }) == nullptr);
  CHECK(feed.changes.followers() == 2);
  beating.stream.reset();
  CHECK(feed.changes.followers() == 1);
  int wakes = 0;
  const HttpResponse woken = feed.follow({.topics = {0}});
  woken.stream->begin([&] { ++wakes; });
  feed.may_go_on = false;
  CHECK(feed.has_ended(woken));
  CHECK(wakes == 1);
  CHECK(feed.has_ended(quiet));
  quiet.stream.reset();
  feed.may_go_on = true;
  beating = feed.follow({.topics = {1}});
  is_closing = true;
  CHECK(feed.has_ended(beating));
}

namespace {
struct World {
  World()
      : triage(stored.store()),
        feed(stored.effects().reader(), {.heartbeat = 1h}),
        services{stored.effects(), triage, feed, stored.clock, {}, {}},
        changes(std::make_shared<ChangeFeed>(std::vector{rules.topic("rules")},
                                             ChangeFeedOptions{.heartbeat = 1h})) {
    rules.state = ChangingState{{"", R"({"version":1})"}};
    add_alert_routes(client.router, services);
    add_live_route(client.router, live_alerts(services), changes, {{"rules", kAnyScope, 0, 0}});
  }
  HttpResponse follow(const std::string& query, std::vector<HttpHeader> headers = {}) {
    return client.ask("reader", "GET", "/v1/stream?" + query, "", std::move(headers));
  }
  std::string take(const HttpResponse& response) {
    feed.step();
    changes->step();
    return ApiClient::streamed(response);
  }
  StoredAlerts stored;
  TriageStore triage;
  AlertFeed feed;
  AlertRouteServices services;
  Changing rules;
  std::shared_ptr<ChangeFeed> changes;
  ApiClient client;
};
std::string raised(int number) {
  return "id: " + std::to_string(number) + "\nevent: alert\ndata: " + alert_at(number).line +
         "\n\n";
}
}  // namespace

TEST_CASE("live: one stream has alerts behind the last id, and changes that do not move it") {
  World world;
  for (int i = 1; i <= 3; ++i) world.stored.raise(alert_at(i));
  const HttpResponse both = world.follow("topics=rules,alerts", {{"last-event-id", "1"}});
  CHECK(both.content_type == "text/event-stream");
  const std::string rules = event("rules", R"({"version":1})");
  CHECK(ApiClient::streamed(both) == ": alerts\n\n" + kBegin + rules + raised(2) + raised(3));
  world.rules.state = ChangingState{{"", R"({"version":2})"}};
  CHECK(world.take(both) == event("rules", R"({"version":2})"));
  world.stored.raise(alert_at(4));
  CHECK(world.take(both) == raised(4));
  // By the same filter, and from the same place, as the stream of alerts alone.
  CHECK(ApiClient::streamed(world.follow("after=3")) ==
        ApiClient::streamed(world.client.ask("reader", "GET", "/v1/alerts/stream?after=3")));
  CHECK(world.take(world.follow("topics=alerts&after=0&rule=geo")).find("id: ") ==
        std::string::npos);
  CHECK(ApiClient::streamed(world.follow("topics=rules,rules")) ==
        kBegin + event("rules", R"({"version":2})"));
}

TEST_CASE("live: triage alone is what is done with alerts, without ids") {
  World world;
  world.stored.raise(alert_at(1));
  const HttpResponse triage = world.follow("topics=triage&rule=card_testing");
  CHECK(ApiClient::streamed(triage) == ": alerts\n\nevent: triage_from_here\ndata: {}\n\n");
  world.stored.raise(alert_at(2));
  CHECK(world.take(triage).empty());
  world.client.json(200, "analyst", "POST", "/v1/alerts/" + alert_at(2).id + "/triage",
                    R"({"action":"confirm"})");
  const std::string told = world.take(triage);
  CHECK(told.starts_with("event: triage\n"));
  CHECK(told.find("id: ") == std::string::npos);
}

TEST_CASE("live: topics that there are not, and more streams than there may be, are refused") {
  World world;
  const auto refused = world.client.json(400, "reader", "GET", "/v1/stream?topics=alerts,rule");
  CHECK(refused["detail"] ==
        "there is no topic `rule`: did you mean rules? Topics: alerts, triage, rules");
  CHECK(world.client.json(400, "reader", "GET", "/v1/stream?topics=")["detail"] ==
        "there is no topic ``; topics: alerts, triage, rules");
  world.client.json(403, "producer", "GET", "/v1/stream?topics=rules");
  CHECK(world.follow("topics=alerts", {{"last-event-id", "x"}}).status == 400);
  CHECK(world.follow("topics=alerts&condition=amount%20%3E").status == 422);
}
}  // namespace tocsin::api

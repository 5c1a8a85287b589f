#include "api/server/alert_routes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "api/alerts/alert_line.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"
#include "tests/support/random.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using tests::alert_at;
using tests::ApiClient;
using tests::header_of;
using tests::StoredAlerts;

struct World {
  explicit World(AlertQueryLimits limits = {}, AlertFeedOptions feed_options = {})
      : triage(stored.store()),
        feed(stored.effects().reader(), feed_options),
        services{stored.effects(), triage, feed, stored.clock, limits, {}} {
    add_alert_routes(client.router, services);
  }
  std::vector<std::uint64_t> numbers(const std::string& query, int* pages = nullptr) {
    std::vector<std::uint64_t> numbers;
    std::string cursor;
    int count = 0;
    do {
      std::string target = "/v1/alerts?limit=3&" + query;
      if (!cursor.empty()) target += "&cursor=" + cursor;
      const ordered_json page = client.json(200, "reader", "GET", target);
      for (const ordered_json& hit : page.at("alerts"))
        numbers.push_back(hit.at("number").get<std::uint64_t>());
      cursor = page.value("next", "");
    } while (!cursor.empty() && ++count < 1000);
    if (pages != nullptr) *pages = count + 1;
    return numbers;
  }
  StoredAlerts stored;
  TriageStore triage;
  AlertFeed feed;
  AlertRouteServices services;
  ApiClient client;
};
using Numbers = std::vector<std::uint64_t>;

TEST_CASE("alerts: members of a line as they were written") {
  const std::string line =
      R"({"a":1.00,"b":"x\"},","c":{"d":[1,{"e":"]"}],"f":{}},"g":[],"h":["p","q,r"],"i":true})";
  const JsonMembers members = json_members(line);
  REQUIRE(members.size() == 6);
  CHECK(members[0].second == "1.00");
  CHECK(json_characters(members[1].second) == "x\"},");
  CHECK(members[2].second == R"({"d":[1,{"e":"]"}],"f":{}})");
  CHECK(json_elements(members[3].second).empty());
  REQUIRE(json_elements(members[4].second).size() == 2);
  CHECK(json_characters(json_elements(members[4].second)[1]) == "q,r");
  CHECK(json_member(line, "i") == "true");
  CHECK(json_member(line, "z").empty());
  CHECK(json_members("{}").empty());
}

TEST_CASE("alerts: a page after the other, newest first, whatever is raised meanwhile") {
  World world;
  for (int i = 1; i <= 10; ++i) world.stored.raise(alert_at(i));
  CHECK(world.numbers("") == Numbers{10, 9, 8, 7, 6, 5, 4, 3, 2, 1});
  CHECK(world.numbers("order=oldest") == Numbers{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const ordered_json first = world.client.json(200, "reader", "GET", "/v1/alerts?limit=4");
  world.stored.raise(alert_at(11));
  const std::string next = first.at("next").get<std::string>();
  const ordered_json second =
      world.client.json(200, "reader", "GET", "/v1/alerts?limit=4&cursor=" + next);
  CHECK(second.at("alerts").at(0).at("number") == 6);
  CHECK(second.at("alerts").at(3).at("number") == 3);
  // Of another query, or no cursor at all.
  for (const std::string& query : {"rule=x&cursor=" + next, "order=oldest&cursor=" + next,
                                   std::string("cursor=abc"), "cursor=" + next + "0"}) {
    const ordered_json problem = world.client.json(400, "reader", "GET", "/v1/alerts?" + query);
    CHECK(problem.at("type") == "urn:tocsin:problem:bad-parameter");
    CHECK(problem.at("parameter") == "cursor");
  }
}

TEST_CASE("alerts: the alert stands in the answer byte by byte") {
  World world;
  const runtime::StoredAlert alert = alert_at(1);
  world.stored.raise(alert);
  const HttpResponse list = world.client.ask("reader", "GET", "/v1/alerts");
  CHECK(list.body.find("\"alert\":" + alert.line + "}") != std::string::npos);
  const HttpResponse one = world.client.ask("reader", "GET", "/v1/alerts/" + alert.id);
  CHECK(one.status == 200);
  CHECK(one.body.find("\"alert\":" + alert.line + ",") != std::string::npos);
  const ordered_json detail = ordered_json::parse(one.body);
  CHECK(detail.at("triage").at("state") == "open");
  CHECK(detail.at("alert").at("events").size() == 1);
  CHECK(detail.at("deliveries").empty());
  world.client.json(404, "reader", "GET", "/v1/alerts/00000000000000000000000000000000");
  world.client.json(404, "reader", "GET", "/v1/alerts/nonsense");
  world.client.json(403, "producer", "GET", "/v1/alerts");
}

TEST_CASE("alerts: filters") {
  World world;
  world.stored.raise(alert_at(1, {.severity = cep::Severity::kLow}));
  world.stored.raise(alert_at(2, {.rule = "geo", .card = "c=2"}));
  world.stored.raise(alert_at(3, {.severity = cep::Severity::kCritical, .tags = R"(["wire"])"}));
  world.stored.raise(alert_at(4, {.rule = "geo", .is_live = false}));
  world.stored.raise(alert_at(5, {.rule = "third", .tags = "[]"}));
  CHECK(world.numbers("rule=geo") == Numbers{2});
  CHECK(world.numbers("rule=geo&shadow=true") == Numbers{4, 2});
  CHECK(world.numbers("rule=geo,third") == Numbers{5, 2});
  CHECK(world.numbers("severity=low,critical") == Numbers{3, 1});
  CHECK(world.numbers("least_severity=high") == Numbers{5, 3, 2});
  CHECK(world.numbers("tag=wire") == Numbers{3});
  CHECK(world.numbers("tag=wire,card") == Numbers{3, 2, 1});
  CHECK(world.numbers("key=card%3Dc%3D2") == Numbers{2});
  CHECK(world.numbers("key=%7B%22card%22:%22c1%22%7D") == Numbers{5, 3, 1});
  CHECK(world.numbers("key=shop%3Dc1").empty());
  CHECK(world.numbers("from=2026-03-02T00:03:00Z") == Numbers{5, 3});
  CHECK(world.numbers("from=2026-03-02T00:02:00Z&order=oldest") == Numbers{2, 3, 5});
  CHECK(world.numbers("from=2026-03-02T00:02:00Z&to=2026-03-02T00:03:00Z") == Numbers{2});
  CHECK(world.numbers("from=2027-03-02T00:02:00Z&order=oldest").empty());
  for (const char* const bad : {"key=card", "key=%7B", "key=%7B%22a%22:%5B%5D%7D", "severity=huge",
                                "severity=low&least_severity=low", "status=done", "from=today"}) {
    CAPTURE(bad);
    world.client.json(400, "reader", "GET", std::string("/v1/alerts?") + bad);
  }
}

TEST_CASE("alerts: a page that has looked at enough goes on with the next") {
  World world({.rows_max = 4});
  for (int i = 1; i <= 20; ++i)
    world.stored.raise(alert_at(i, {.rule = i == 2 || i == 13 ? "rare" : "often"}));
  int pages = 0;
  CHECK(world.numbers("rule=rare", &pages) == Numbers{13, 2});
  CHECK(pages >= 5);
}

TEST_CASE("alerts: by status, with an index for all but open") {
  World world;
  std::vector<std::string> ids;
  for (int i = 1; i <= 9; ++i) {
    world.stored.raise(alert_at(i));
    ids.push_back(alert_at(i).id);
  }
  const auto act = [&](int number, const std::string& action) {
    world.client.json(200, "analyst", "POST",
                      "/v1/alerts/" + ids[static_cast<std::size_t>(number - 1)] + "/triage",
                      R"({"action":")" + action + "\"}");
  };
  for (const int number : {2, 4, 5, 7, 8}) act(number, "confirm");
  act(4, "close");
  CHECK(world.numbers("status=confirmed") == Numbers{8, 7, 5, 2});
  CHECK(world.numbers("status=confirmed&order=oldest") == Numbers{2, 5, 7, 8});
  CHECK(world.numbers("status=closed") == Numbers{4});
  CHECK(world.numbers("status=assigned").empty());
  CHECK(world.numbers("status=open") == Numbers{9, 6, 3, 1});
  CHECK(world.numbers("status=confirmed&rule=other").empty());
}

struct RandomQuery {
  AlertFilter filter;
  std::string text = "limit=3";
  bool is_oldest_first = false;
};
// Of the alerts that the next test raises.
RandomQuery random_query(tests::Random& random) {
  RandomQuery query;
  if (random.chance(40)) {
    query.filter.rules = {"r1"};
    query.text += "&rule=r1";
  }
  if (random.chance(30)) {
    query.filter.severities = severities_from(cep::Severity::kHigh);
    query.text += "&least_severity=high";
  }
  if (random.chance(30)) {
    query.filter.key = {{"card", "c2"}};
    query.text += "&key=card%3Dc2";
  }
  if (random.chance(30)) {
    query.filter.from = alert_at(20).ts;
    query.text += "&from=2026-03-02T00:20:00Z";
  }
  if (random.chance(30)) {
    query.filter.to = alert_at(50).ts;
    query.text += "&to=2026-03-02T00:50:00Z";
  }
  if (random.chance(50)) {
    query.text += "&status=";
    for (const TriageState state : kTriageStates) {
      if (!random.chance(40)) continue;
      query.filter.statuses.insert(state);
      query.text += std::string(name_of(state)) + ",";
    }
  }
  if (random.chance(30)) {
    query.filter.has_shadow = true;
    query.text += "&shadow=true";
  }
  query.is_oldest_first = random.chance(50);
  if (query.is_oldest_first) query.text += "&order=oldest";
  return query;
}

TEST_CASE("alerts: any filter in any order gives what going through all of them gives") {
  tests::Random random(7);
  World world({.rows_max = 5});
  struct Made {
    runtime::StoredAlert alert;
    std::string card;
    TriageState state = TriageState::kOpen;
  };
  std::vector<Made> made;
  for (int i = 1; i <= 60; ++i) {
    tests::AlertText text;
    text.rule = std::string("r") + static_cast<char>('0' + random.below(3));
    text.card = std::string("c") + static_cast<char>('0' + random.below(3));
    text.severity = static_cast<cep::Severity>(random.below(5));
    text.is_live = random.chance(80);
    runtime::StoredAlert alert = alert_at(i, text);
    world.stored.raise(alert);
    made.push_back(
        {**world.stored.effects().reader().alert(static_cast<std::uint64_t>(i)), text.card});
    if (random.chance(40)) {
      const TriageAction action =
          random.chance(50) ? TriageAction::kConfirm : TriageAction::kAssign;
      REQUIRE(world.triage.change(made.back().alert, {"ann", action, "ann", ""}, {}));
      made.back().state = *triage_after(TriageState::kOpen, action);
    }
  }
  for (int round = 0; round < 60; ++round) {
    const RandomQuery wanted = random_query(random);
    const AlertFilter& filter = wanted.filter;
    Numbers expected;
    for (const Made& one : made) {
      const runtime::StoredAlert& alert = one.alert;
      if ((alert.is_live || filter.has_shadow) && (filter.rules.empty() || alert.rule == "r1") &&
          (filter.severities.empty() || alert.severity >= cep::Severity::kHigh) &&
          (filter.key.empty() || one.card == "c2") && (!filter.from || alert.ts >= *filter.from) &&
          (!filter.to || alert.ts < *filter.to) &&
          (filter.statuses.empty() || filter.statuses.contains(one.state))) {
        expected.push_back(alert.number);
      }
    }
    if (!wanted.is_oldest_first) std::ranges::reverse(expected);
    CAPTURE(wanted.text);
    Numbers found;
    std::string cursor;
    do {
      const Result<AlertPage> page =
          AlertQuery(world.stored.effects().reader(), world.triage, {.rows_max = 5})
              .page(filter, wanted.is_oldest_first ? AlertOrder::kOldest : AlertOrder::kNewest, 3,
                    cursor);
      REQUIRE(page);
      for (const AlertHit& hit : page->hits) found.push_back(hit.alert.number);
      cursor = page->next;
    } while (!cursor.empty());
    CHECK(found == expected);
  }
}

TEST_CASE("alerts: triage over the API: who, when, comments, conflicts, versions") {
  World world;
  world.stored.raise(alert_at(1));
  world.stored.clock.set(*cep::parse_time("2026-03-02T10:00:00Z"));
  const std::string path = "/v1/alerts/" + alert_at(1).id + "/triage";
  world.client.json(403, "reader", "POST", path, R"({"action":"confirm"})");
  const ordered_json assigned = world.client.json(
      200, "analyst", "POST", path, R"({"action":"assign","assignee":"bob","comment":"yours"})");
  CHECK(assigned.at("state") == "assigned");
  CHECK(assigned.at("assignee") == "bob");
  CHECK(assigned.at("history").at(0).at("who") == "analyst");
  CHECK(assigned.at("history").at(0).at("at") == "2026-03-02T10:00:00Z");
  CHECK(assigned.at("history").at(0).at("comment") == "yours");
  world.client.json(200, "operator", "POST", path, R"({"comment":"saw it"})");
  const HttpResponse read = world.client.ask("reader", "GET", path);
  REQUIRE(header_of(read, "ETag") != nullptr);
  CHECK(*header_of(read, "ETag") == "\"2\"");
  const ordered_json stale = world.client.json(412, "analyst", "POST", path,
                                               R"({"action":"close"})", {{"if-match", "\"1\""}});
  CHECK(stale.at("type") == "urn:tocsin:problem:stale");
  world.client.json(200, "analyst", "POST", path, R"({"action":"close"})", {{"if-match", "\"2\""}});
  const ordered_json refused =
      world.client.json(409, "analyst", "POST", path, R"({"action":"dismiss"})");
  CHECK(refused.at("state") == "closed");
  CHECK(refused.at("allowed") == ordered_json{"reopen"});
  for (const char* const bad : {"{}", "[]", "{", R"({"action":"solve"})", R"({"action":7})",
                                R"({"comment":""})", R"({"action":"close","assignee":"bob"})",
                                R"({"acton":"close"})", R"({"comment":"a","comment":"b"})"}) {
    CAPTURE(bad);
    const ordered_json problem = world.client.json(400, "analyst", "POST", path, bad);
    CHECK(problem.at("type") == "urn:tocsin:problem:bad-body");
  }
  world.client.json(415, "analyst", "POST", path, "x", {{"content-type", "text/plain"}});
}

TEST_CASE("alerts: the precision of a rule is made of labels") {
  World world;
  for (int i = 1; i <= 4; ++i) world.stored.raise(alert_at(i));
  CHECK_FALSE(world.client.json(200, "reader", "GET", "/v1/rules/card_testing/precision")
                  .contains("precision"));
  for (int i = 1; i <= 4; ++i) {
    world.client.json(200, "analyst", "POST", "/v1/alerts/" + alert_at(i).id + "/triage",
                      i == 4 ? R"({"action":"dismiss"})" : R"({"action":"confirm"})");
  }
  const ordered_json precision =
      world.client.json(200, "reader", "GET", "/v1/rules/card_testing/precision");
  CHECK(precision.at("confirmed") == 3);
  CHECK(precision.at("dismissed") == 1);
  CHECK(precision.at("precision") == 0.75);
}

TEST_CASE("alerts: export as NDJSON and as CSV that no spreadsheet runs") {
  World world;
  world.stored.raise(alert_at(1, {.card = "=1+1", .message = "=HYPERLINK(\\\"x\\\"), see"}));
  world.stored.raise(alert_at(2, {.rule = "geo", .card = "-5", .message = "@SUM\\nx"}));
  for (int i = 3; i <= 1200; ++i) world.stored.raise(alert_at(i));
  const HttpResponse ndjson = world.client.ask("reader", "GET", "/v1/alerts/export");
  CHECK(ndjson.content_type == "application/x-ndjson");
  const std::string lines = ApiClient::streamed(ndjson);
  CHECK(std::ranges::count(lines, '\n') == 1200);
  CHECK(lines.starts_with(
      alert_at(1, {.card = "=1+1", .message = "=HYPERLINK(\\\"x\\\"), see"}).line + "\n"));
  const HttpResponse csv =
      world.client.ask("reader", "GET", "/v1/alerts/export?format=csv&to=2026-03-02T00:03:00Z");
  CHECK(csv.content_type == "text/csv; charset=utf-8");
  const std::string table = ApiClient::streamed(csv);
  const std::string expected =
      "id,revision,time,rule,version,title,severity,score,key,status,message,tags,fields,"
      "events\r\n" +
      alert_at(1).id +
      ",0,2026-03-02T00:01:00Z,card_testing,1,Probes,high,75,card==1+1,open,"
      "\"'=HYPERLINK(\"\"x\"\"), see\",ecom card,\"{\"\"total\"\":3.40}\","
      "\"[{\"\"as\"\":\"\"probes\"\",\"\"type\"\":\"\"payment\"\",\"\"id\"\":\"\"e1\"\",\"\"ts\"\":"
      "1772409660000000,\"\"fields\"\":{\"\"amount\"\":1.00}}]\"\r\n" +
      alert_at(2).id +
      ",0,2026-03-02T00:02:00Z,geo,1,Probes,high,75,card=-5,open,\"'@SUM\nx\",ecom card,"
      "\"{\"\"total\"\":3.40}\","
      "\"[{\"\"as\"\":\"\"probes\"\",\"\"type\"\":\"\"payment\"\",\"\"id\"\":\"\"e2\"\",\"\"ts\"\":"
      "1772409720000000,\"\"fields\"\":{\"\"amount\"\":1.00}}]\"\r\n";
  CHECK(table == expected);
}

// What a client gets until it has so many events; the feed does its rounds meanwhile.
std::string read_events(AlertFeed& feed, const HttpResponse& response, std::size_t events) {
  REQUIRE(response.status == 200);
  CHECK(response.content_type == "text/event-stream");
  const auto is_enough = [&](const std::string& text) {
    std::size_t count = 0;
    for (std::size_t at = text.find("event: "); at != text.npos; at = text.find("event: ", at + 1))
      ++count;
    return count >= events;
  };
  std::string text;
  for (int round = 0; round < 100 && !is_enough(text); ++round) {
    text += tests::streamed(response, [](const std::string&) { return false; });
    feed.step();
  }
  return text;
}

TEST_CASE("alerts: a stream goes on behind the last id, and says what is gone") {
  World world({}, {.followers_max = 2, .heartbeat = std::chrono::hours(1)});
  for (int i = 1; i <= 5; ++i) world.stored.raise(alert_at(i));
  const auto read = [&](const HttpResponse& response, std::size_t events) {
    return read_events(world.feed, response, events);
  };
  const auto event = [&](int number) {
    return "id: " + std::to_string(number) + "\nevent: alert\ndata: " + alert_at(number).line +
           "\n\n";
  };
  const std::string begin = ": alerts\n\n";
  CHECK(read(world.client.ask("reader", "GET", "/v1/alerts/stream", "", {{"last-event-id", "3"}}),
             2) == begin + event(4) + event(5));
  CHECK(read(world.client.ask("reader", "GET", "/v1/alerts/stream?after=4"), 1) ==
        begin + event(5));
  // Without either: only what comes.
  const HttpResponse live = world.client.ask("reader", "GET", "/v1/alerts/stream");
  world.stored.raise(alert_at(6, {.rule = "geo"}));
  world.stored.raise(alert_at(7));
  CHECK(read(live, 2).find("id: 7\n") != std::string::npos);
  // Retention takes the first ones.
  world.stored.clock.advance(cep::Duration{1'000'000'000});
  world.stored.raise(alert_at(8));
  runtime::RetentionPolicy policy;
  policy.alerts.age_max = cep::Duration{1'000'000};
  REQUIRE(world.stored.effects().retain(policy, 100));
  CHECK(read(world.client.ask("reader", "GET", "/v1/alerts/stream", "", {{"last-event-id", "2"}}),
             2) == begin + "id: 7\nevent: gap\ndata: {\"from\":3,\"to\":7}\n\n" + event(8));
  // A client of another life of the store.
  CHECK(read(world.client.ask("reader", "GET", "/v1/alerts/stream", "", {{"last-event-id", "90"}}),
             1) == begin + "id: 8\nevent: gap\ndata: {\"from\":9,\"to\":90}\n\n");
  world.client.json(400, "reader", "GET", "/v1/alerts/stream", "", {{"last-event-id", "x"}});
}

TEST_CASE("alerts: what a filter leaves out moves a stream's id on") {
  World world({}, {.followers_max = 2, .heartbeat = std::chrono::milliseconds(0)});
  world.stored.raise(alert_at(1));
  const HttpResponse response =
      world.client.ask("reader", "GET", "/v1/alerts/stream?after=0&rule=geo");
  const auto take = [&] { return ApiClient::streamed(response); };
  CHECK(take() == ": alerts\n\n");
  world.stored.raise(alert_at(2, {.rule = "geo"}));
  world.stored.raise(alert_at(3));
  world.feed.step();
  CHECK(take() == "id: 2\nevent: alert\ndata: " + alert_at(2, {.rule = "geo"}).line + "\n\n");
  world.feed.step();
  CHECK(take() == ": heartbeat\nid: 3\n\n");
}

TEST_CASE("alerts: those who follow share the bytes of an alert, each with its own filter") {
  World world;
  const HttpResponse all = world.client.ask("reader", "GET", "/v1/alerts/stream");
  const HttpResponse too = world.client.ask("reader", "GET", "/v1/alerts/stream");
  const HttpResponse geo = world.client.ask("reader", "GET", "/v1/alerts/stream?rule=geo");
  for (const HttpResponse* one : {&all, &too, &geo}) ApiClient::streamed(*one);
  world.stored.raise(alert_at(1));
  world.feed.step();
  std::vector<SharedBytes> first;
  std::vector<SharedBytes> second;
  CHECK(all.stream->take(first) == HttpStream::Next::kReady);
  CHECK(too.stream->take(second) == HttpStream::Next::kReady);
  REQUIRE(first.size() == 1);
  REQUIRE(second.size() == 1);
  CHECK(first[0].get() == second[0].get());
  CHECK(ApiClient::streamed(geo).empty());
}

TEST_CASE("alerts: as many streams as there may be, and none once the feed stops") {
  World world({}, {.followers_max = 2, .heartbeat = std::chrono::hours(1)});
  {
    const HttpResponse one = world.client.ask("reader", "GET", "/v1/alerts/stream");
    const HttpResponse two = world.client.ask("reader", "GET", "/v1/alerts/stream");
    CHECK(one.status == 200);
    CHECK(two.status == 200);
    const HttpResponse three = world.client.ask("reader", "GET", "/v1/alerts/stream");
    CHECK(three.status == 503);
    CHECK(header_of(three, "Retry-After") != nullptr);
  }
  CHECK(world.feed.followers() == 0);
  const HttpResponse live = world.client.ask("reader", "GET", "/v1/alerts/stream");
  const HttpResponse behind = world.client.ask("reader", "GET", "/v1/alerts/stream");
  int wakes = 0;
  live.stream->begin([&] { ++wakes; });
  CHECK(ApiClient::streamed(live) == ": alerts\n\n");
  world.feed.stop();
  CHECK(wakes == 1);
  std::vector<SharedBytes> pieces;
  CHECK(live.stream->take(pieces) == HttpStream::Next::kEnd);
  CHECK(behind.stream->take(pieces) == HttpStream::Next::kEnd);
}

TEST_CASE("alerts: a stream ends with the token that asked for it") {
  World world;
  bool is_known = true;
  world.services.is_known = [&](const TokenGrant&, const std::optional<AskingSession>&) {
    return is_known;
  };
  const HttpResponse live = world.client.ask("reader", "GET", "/v1/alerts/stream");
  const HttpResponse behind = world.client.ask("reader", "GET", "/v1/alerts/stream?after=0");
  ApiClient::streamed(live);
  is_known = false;
  world.stored.raise(alert_at(1));
  world.feed.step();
  std::vector<SharedBytes> pieces;
  CHECK(live.stream->take(pieces) == HttpStream::Next::kEnd);
  CHECK(pieces.empty());
  CHECK(ApiClient::streamed(behind) == ": alerts\n\n");
}

TEST_CASE("alerts: who reads slowly keeps nobody waiting, and misses nothing") {
  World world;
  const HttpResponse slow = world.client.ask("reader", "GET", "/v1/alerts/stream?after=0");
  std::string text = ApiClient::streamed(slow);
  // It takes nothing until all of these are stored: more than waits for anybody.
  for (int i = 1; i <= 3000; ++i) world.stored.raise(alert_at(i));
  while (world.feed.step()) {
  }
  text += read_events(world.feed, slow, 3000);
  std::size_t at = 0;
  for (int i = 1; i <= 3000; ++i) {
    at = text.find("id: " + std::to_string(i) + "\n", at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(text.find("gap") == std::string::npos);
}
}  // namespace
}  // namespace tocsin::api

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/alerts/triage_request.h"
#include "api/alerts/triage_routes.h"
#include "api/rest/audit_log.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using tests::alert_at;
using tests::ApiClient;
using tests::StoredAlerts;
using A = TriageAction;
using S = TriageState;
constexpr const char* kPath = "/v1/alerts/triage";

struct World {
  World()
      : triage(stored.store()),
        audit(*AuditLog::open(stored.store(), stored.clock, {})),
        client(nullptr, audit.get()) {
    add_triage_routes(
        client.router,
        {{{stored.effects().reader(), triage}, [] { return true; }}, triage, stored.clock});
  }
  // As it is stored, with its number.
  runtime::StoredAlert raise(int minute, const tests::AlertText& text = {}) {
    stored.raise(alert_at(minute, text));
    return **stored.effects().reader().alert(stored.effects().reader().mark()->number);
  }
  std::string state_of(const runtime::StoredAlert& alert) {
    return client.json(200, "reader", "GET", "/v1/alerts/" + alert.id + "/triage")
        .at("state")
        .get<std::string>();
  }
  StoredAlerts stored;
  TriageStore triage;
  std::unique_ptr<AuditLog> audit;
  ApiClient client;
};

TEST_CASE("bulk triage: each alert is changed by itself, and its answer says what came of it") {
  World world;
  const auto open = world.raise(1);
  const auto taken = world.raise(2);
  const auto closed = world.raise(3);
  const auto older = world.raise(4);
  REQUIRE(world.triage.change(taken, {"bob", A::kAssign, "bob", ""}, {}));
  REQUIRE(world.triage.change(closed, {"bob", A::kClose, "", "a secret word"}, {}));
  REQUIRE(world.triage.change(older, {"bob", {}, "", "seen"}, {}));
  const std::string gone = alert_at(9).id;
  const ordered_json body = {{"alerts",
                              {{{"id", older.id}, {"version", 0}},
                               {{"id", open.id}, {"version", 0}},
                               {{"id", gone}},
                               {{"id", closed.id}},
                               {{"id", taken.id}, {"version", 1}}}},
                             {"action", "confirm"},
                             {"comment", "one ring"}};
  const ordered_json answer = world.client.json(200, "analyst", "POST", kPath, body.dump());
  CHECK(answer.at("changed") == 2);
  CHECK(answer.at("refused") == 3);
  const ordered_json& of = answer.at("alerts");
  REQUIRE(of.size() == 5);
  CHECK(of[0].at("id") == older.id);
  CHECK(of[0].at("status") == 412);
  CHECK(of[0].at("detail") == "its triage has version 1 by now, not 0");
  CHECK(of[0].at("state") == "open");
  CHECK(of[0].at("last").at("who") == "bob");
  CHECK(of[0].at("last").at("action") == "comment");
  CHECK(of[1] == ordered_json({{"id", open.id},
                               {"status", 200},
                               {"state", "confirmed"},
                               {"label", "confirmed"},
                               {"version", 1}}));
  CHECK(
      of[2] ==
      ordered_json({{"id", gone}, {"status", 404}, {"detail", "there is no alert with this id"}}));
  CHECK(of[3].at("status") == 409);
  CHECK(of[3].at("detail") == "an alert that is closed cannot confirm; it can reopen");
  CHECK(of[3].dump().find("a secret word") == std::string::npos);
  CHECK(of[4].at("status") == 200);
  CHECK(of[4].at("version") == 2);
  CHECK(world.state_of(open) == "confirmed");
  CHECK(world.state_of(closed) == "closed");
  CHECK(world.state_of(older) == "open");
  const Result<TriageRecord> record = world.triage.get(taken.id);
  REQUIRE(record);
  CHECK(record->history.back().who == "analyst");
  CHECK(record->history.back().comment == "one ring");
}

TEST_CASE("bulk triage: the audit log has one entry that names what was changed") {
  World world;
  const auto first = world.raise(1);
  const auto second = world.raise(2);
  REQUIRE(world.triage.change(second, {"bob", A::kClose, "", ""}, {}));
  const ordered_json body = {{"alerts", {{{"id", first.id}}, {{"id", second.id}}}},
                             {"action", "dismiss"},
                             {"comment", "a secret word"}};
  world.client.json(200, "analyst", "POST", kPath, body.dump());
  const Result<AuditPage> page = world.audit->page({}, 0, 10);
  REQUIRE(page);
  REQUIRE(page->lines.size() == 1);
  const ordered_json entry = ordered_json::parse(page->lines[0]);
  CHECK(entry.at("action") == "changeTriageOfAll");
  CHECK(entry.at("actor") == "analyst");
  CHECK(entry.at("result") == "done");
  CHECK(entry.at("triage") == "dismiss");
  CHECK(entry.at("alerts") == ordered_json{first.id});
  CHECK(entry.at("alerts_refused") == 1);
  CHECK(page->lines[0].find("a secret word") == std::string::npos);
}

TEST_CASE("bulk triage: a body that is no such change changes nothing") {
  World world;
  const auto alert = world.raise(1);
  const std::string one = fmt::format(R"({{"id":"{}"}})", alert.id);
  std::string upper = one;
  for (char& letter : upper) {
    if (letter >= 'a' && letter <= 'f') letter = static_cast<char>(letter - 'a' + 'A');
  }
  std::string many = one;
  for (std::size_t i = 1; i <= kTriageAlertsMax; ++i)
    many += fmt::format(R"(,{{"id":"{}"}})", alert_at(static_cast<int>(i) + 1).id);
  const auto body = [](const std::string& alerts, const std::string& rest) {
    return fmt::format(R"({{"alerts":{}{}}})", alerts, rest);
  };
  const std::string closing = R"(,"action":"close")";
  for (const std::string& bad :
       {std::string(R"({"action":"close"})"), body("[]", closing), body("{}", closing),
        body("[" + many + "]", closing), body("[" + one + "]", ""),
        body("[" + one + "]", R"(,"action":"solve")"), body("[" + one + "," + one + "]", closing),
        body("[\"" + alert.id + "\"]", closing), body("[{\"version\":1}]", closing),
        body(R"([{"id":")" + alert.id + R"(","version":-1}])", closing),
        body(R"([{"id":")" + alert.id + R"(","ver":1}])", closing)}) {
    CAPTURE(bad.substr(0, 200));
    const ordered_json problem = world.client.json(400, "analyst", "POST", kPath, bad);
    CHECK(problem.at("type") == "urn:tocsin:problem:bad-body");
  }
  world.client.json(403, "reader", "POST", kPath, body("[" + one + "]", closing));
  CHECK(world.triage.get(alert.id)->version == 0);
}

TEST_CASE("bulk triage: a thousand alerts, with labels of several rules, survive a power failure") {
  World world;
  std::vector<TriageTarget> targets;
  const std::string comment(3000, 'x');  // so that it takes several writes
  for (int i = 1; i <= 1000; ++i) {
    const auto alert = world.raise(i, {.rule = i % 2 == 0 ? "even" : "odd"});
    targets.push_back({alert, std::nullopt});
  }
  REQUIRE(world.triage.change(targets[0].alert, {"ann", A::kDismiss, "", ""}, {}));
  std::map<std::size_t, int> visits;
  int changed = 0;
  world.triage.change_all(targets, {"ann", A::kConfirm, "", comment}, {7},
                          [&](std::size_t place, const TriageOutcome& outcome) {
                            ++visits[place];
                            changed += outcome.refusal ? 0 : 1;
                          });
  CHECK(visits.size() == 1000);
  CHECK(changed == 999);
  world.stored.restart(true);
  TriageStore triage(world.stored.store());
  for (const auto& visit : visits) {
    const std::size_t place = visit.first;
    CAPTURE(place);
    CHECK(visit.second == 1);
    CHECK(triage.get(targets[place].alert.id)->state ==
          (place == 0 ? S::kDismissed : S::kConfirmed));
  }
  CHECK(triage.labels("odd")->confirmed == 499);
  CHECK(triage.labels("odd")->dismissed == 1);
  CHECK(triage.labels("even")->confirmed == 500);
  std::size_t confirmed = 0;
  REQUIRE(triage.numbers(S::kConfirmed, 0, false, [&](std::uint64_t) { return ++confirmed > 0; }));
  CHECK(confirmed == 999);
}
}  // namespace
}  // namespace tocsin::api

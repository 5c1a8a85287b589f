// Conditions in the rule language on alerts' fields.
#include "api/alerts/alert_condition.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "api/rules/rule_loader.h"
#include "cep/plan/plan.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
constexpr const char* kRules = R"(
event payment { ts: time, id: string id, card: string, shop: int, amount: decimal(2), channel: enum(pos, ecom) }
rule card_testing "Probes" {
  severity high
  by card
  when payment as p where amount > 1
  alert "x" { score: 75, total: p.amount, channel: p.channel, at: p.ts, wait: 5m, half: p.amount / 2 }
}
rule geo "Places" {
  by card
  when payment as p where amount > 2
  alert "y" { total: p.shop, place: p.card, odd: true }
}
rule other "Other" {
  by shop
  when payment as p where amount > 2
  alert "z" { place: p.amount, odd: p.card }
}
rule hidden "Hidden" {
  status shadow
  by card
  when payment as p where amount > 2
  alert "z" { unseen: p.amount }
}
)";

std::shared_ptr<const cep::Plan> plan() {
  static const LoadedRules kLoaded = load_rules(
      {"rules.tocsin"}, {}, [](const std::string&) -> Result<std::string> { return kRules; });
  CAPTURE(render_diagnostics(kLoaded, false));
  REQUIRE(kLoaded.program);
  return kLoaded.loaded.rules->plan;
}

runtime::StoredAlert alert_with(const std::string& fields,
                                const std::string& key = R"("card":"c1")",
                                const std::string& rule = "card_testing") {
  runtime::StoredAlert alert = tests::alert_at(1, {.rule = rule});
  alert.line = R"({"format":1,"id":"a","rule":")" + rule + R"(","key":{)" + key +
               R"(},"ts":1772452860000000,"time":"2026-03-02T12:01:00Z","severity":"high",)"
               R"("score":75,"tags":["ecom","card"],"message":"x","fields":{)" +
               fields + R"(},"events":[],"held_back":0})";
  return alert;
}
bool holds(const std::string& text, const runtime::StoredAlert& alert,
           const std::set<std::string, std::less<>>& rules = {}) {
  CAPTURE(text);
  const auto made = AlertCondition::make(text, alert_fields(*plan(), rules));
  if (!made) FAIL(made.error().detail << made.error().diagnostics);
  return (*made)->holds(alert);
}

TEST_CASE("alert condition: is asked of what the alert's line says, exactly") {
  const runtime::StoredAlert alert = alert_with(
      R"("total":3.40,"channel":"ecom","at":1772452860000000,"wait":300000000,"half":1.700000000)");
  const std::vector<std::pair<std::string, bool>> rows = {
      {"total = 3.4", true},
      {"total > 3.39 and total < 3.41", true},
      {"total > 3.40", false},
      {"severity >= high", true},
      {"severity = critical", false},
      {"rule = \"card_testing\" and card = \"c1\"", true},
      {"card in [\"c2\", \"c3\"]", false},
      {"score >= 75", true},
      {"score > 75", false},
      {"tags contains \"ecom\"", true},
      {"tags contains \"pos\"", false},
      {"channel = ecom", true},
      {"channel = pos", false},
      {"wait >= 5m", true},
      {"half < 1.71", true},
      {"at = ts", true},
      {"place is missing", true},
      {"place = \"x\"", false},        // of another rule: missing
      {"not (place = \"x\")", false},  // and so is its contrary
      {"lower(card) matches /^c[0-9]$/", true},
      {"true", true},
  };
  const std::set<std::string, std::less<>> rules = {"card_testing", "geo"};
  for (const auto& row : rows) {
    CAPTURE(row.first);
    CHECK(holds(row.first, alert, rules) == row.second);
  }
}

TEST_CASE("alert condition: a field of several rules has a type for all of them") {
  // decimal(2) in one, int in the other.
  CHECK(holds("total > 6.99",
              alert_with(R"("total":7,"place":"x","odd":true)", R"("card":"c1")", "geo")));
  CHECK_FALSE(holds("total > 7", alert_with(R"("total":7)", R"("card":"c1")", "geo")));
  CHECK(holds("total > 7", alert_with(R"("total":7.01)")));
  CHECK(holds("shop = 3", alert_with("", R"("shop":3)", "other")));
}

TEST_CASE("alert condition: what does not check is refused with its place") {
  struct Row {
    const char* text;
    const char* detail;
    const char* diagnostic;
  };
  const std::vector<Row> rows = {
      {"amount > 100", "amount", "\"column\":1,"},
      {"total > 1 and sevrity >= high", "sevrity", "\"column\":15,"},
      {"amount > 1", "amount", "there are `ts`, `rule`, `severity`, `tags`, `score`, `card`"},
      {"card > 100", "compare", "\"line\":1"},
      {"total >", "expected", "\"file\":\"condition\""},
      {"total > 1 } rule x", "the end of the file", "\"line\":1"},
      {"total", "", "\"level\":\"error\""},
      {"unseen > 1", "unseen", "\"level\":\"error\""},
      {"channel = shop", "", "\"level\":\"error\""},
      {"count(payment) > 3", "", "\"level\":\"error\""},
      {"", "", "\"level\":\"error\""},
      // A name that two rules use for what has nothing in common.
      {"place = \"x\"",
       "place is string in alerts of geo and decimal(2) in those of other: name the rules in "
       "the filter",
       "\"level\":\"error\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto made = AlertCondition::make(row.text, alert_fields(*plan()));
    REQUIRE_FALSE(made);
    CAPTURE(made.error().detail);
    CAPTURE(made.error().diagnostics);
    CHECK(made.error().detail.find(row.detail) != std::string::npos);
    CHECK(made.error().diagnostics.find(row.diagnostic) != std::string::npos);
    CHECK(made.error().diagnostics.find("wanted") == std::string::npos);
  }
  // With one of them it means something.
  CHECK(holds("place = \"x\"", alert_with(R"("place":"x")", R"("card":"c1")", "geo"), {"geo"}));
  CHECK_FALSE(AlertCondition::make("place = \"x\"", alert_fields(*plan(), {"card_testing"})));
  CHECK_FALSE(AlertCondition::make("total > 1", alert_fields(*plan(), {"gone"})));
}
}  // namespace
}  // namespace tocsin::api

// Alerts as events: what the checker says of them, and what they become in the plan.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
// Line 1: a rule by account with fields.
constexpr const char* kBig =
    R"(rule big "b" { by account when payment as p where amount > 100 alert "x" { score: 5.5, worst: p.amount, share: p.amount / 3 } })";

struct Row {
  std::string text;   // from line 2 on
  std::string found;  // places_of
};
template <std::size_t N>
void check_rows(const Row (&rows)[N]) {
  for (const Row& row : rows) {
    const rules::Loaded loaded = load_rules(std::string(kBig) + "\n" + row.text);
    CAPTURE(row.text);
    CAPTURE(rendered(loaded));
    CHECK(places_of(loaded) == row.found);
    CHECK(loaded.rules.has_value() == (row.found.find('E') == std::string::npos));
  }
}

TEST_CASE("check: alerts wherever a kind may stand") {
  static const Row kRows[] = {
      {R"(rule r "r" { by account when alert big as a then payment where amount > a.worst and a.share > 1 and a.score > 5 and a.severity = high within 1h })",
       ""},
      {R"(rule r "r" { by account when payment then no alert big where worst > 5 for 5m })", ""},
      {R"(rule r "r" { by account when 1+ payment until alert big then login without alert big where worst > 7 within 1h considering alert big })",
       "no_effect 2:112"},
      {R"(rule r "r" { by account when session of alert big gap 5m as s where sum(s.worst) > 9 })",
       ""},
      {R"(rule r "r" { by account = big.account | login.account when login })", "E0202 2:27"},
      {R"(rule r "r" { by account = alert big.account | login.account when alert big then login within 1h })",
       ""},
      {R"(kind bad = alert big where worst > 500 | login where not ok
rule r "r" { by account when bad then payment within 1h })",
       ""},
      {R"(feature bigs = count(alert big where worst > 5) by account over last 1d
rule r "r" { by account when login where bigs > 3 and sum(worst of alert big) over last 1h > 5 })",
       ""},
      {R"(rule r "r" { by key when any alert as a where severity = high and score > 0.5 and rule = "big" alert "{a.tags}" })",
       ""},
      {R"(rule s "s" { by account when alert r where n > 3 }
rule r "r" { by account when alert big as a alert "x" { n: a.worst } })",
       ""},
      // a draft may read drafts
      {R"(rule d "d" { status draft by account when payment alert "x" { n: amount } }
rule e "e" { status draft by account when alert d where n > 3 })",
       ""},
  };
  check_rows(kRows);
}

TEST_CASE("check: mistakes with alerts as events, each once") {
  static const Row kRows[] = {
      {R"(rule r "r" { by account when alert bigg where worst > 5 })", "E0206 2:36"},
      {R"(rule r "r" { by account when alert big where wrst > 5 })", "E0201 2:46"},
      {R"(rule r "r" { by card when alert big })", "E0220 2:17"},
      {R"(rule r "r" { by account when alert r })", "E0430 2:6"},
      {R"(rule r "r" { by account when alert s where n > 5 alert "x" { n: 1 } }
rule s "s" { by account when alert r where n > 5 alert "x" { n: 1 } })",
       "E0430 2:6"},
      {R"(kind k = alert r where n > 5
feature f = count(k) by account over last 1h
rule r "r" { by account when login where f > 5 alert "x" { n: 1 } })",
       "E0430 4:6"},
      {R"(rule d "d" { status draft by account when payment alert "x" { n: amount } }
rule e "e" { by account when alert d where n > 3 }
feature f = count(alert d) by account over last 1h)",
       "E0431 3:30, E0431 4:19"},
      {R"(rule d "d" { status shadow by account when payment alert "x" { n: amount } }
rule e "e" { by account when alert d where n > 3 }
rule f "f" { status shadow by account when alert d where n > 3 })",
       "unseen_alerts 3:30"},
      {R"(rule t "t" { by account when payment where amout > 5 alert "x" { n: amout } }
rule u "u" { by account when alert t where n > 5 })",
       "E0201 2:44, E0201 2:69"},
      {R"(rule t "t" { by severity = payment.merchant when payment }
rule u "u" { when alert t })",
       "E0402 2:17"},
  };
  check_rows(kRows);
  const rules::Loaded alone =
      load_rules(R"(rule r "r" { by key when any alert where severity = high })");
  CHECK(places_of(alone) == "E0432 1:26");
}

TEST_CASE("lower: the event types of alerts stand after the declared ones") {
  const rules::Loaded loaded = load_rules(std::string(kBig) + R"(
rule draft_reader "d" { status draft by account when alert hidden where n > 3 }
rule second "s" { by account when alert big where worst > 3 then any_payment within 1h }
kind any_payment = payment where amount > 1
rule storm "t" { by key when any alert as a where score > 0.5 }
rule after_storm "u" { by key when alert storm }
rule hidden "h" { status shadow by account when payment alert "x" { n: 1 } }
rule sleeper "i" { status internal by account when payment }
)");
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  const cep::Plan& plan = *loaded.rules->plan;
  std::vector<std::string> names;
  for (const cep::Rule& rule : plan.rules) names.push_back(rule.name);
  const std::vector<std::string> in_file_order = {"big",         "second", "storm",
                                                  "after_storm", "hidden", "sleeper"};
  CHECK(names == in_file_order);
  std::vector<std::string> lines;
  for (const cep::EventType& type : plan.event_types) {
    if (!type.is_alert()) continue;
    std::string line = type.name;
    if (type.alert_of) line += fmt::format(" of {}", type.alert_of->value);
    for (const cep::RuleIndex rule : type.any_alert_of) line += fmt::format(" any {}", rule.value);
    for (const cep::Field& field : type.fields) {
      line += fmt::format(" {}:{}{}", field.name, cep::type_name(field.type),
                          field.optional ? "?" : "");
    }
    lines.push_back(line);
  }
  const std::vector<std::string> expected = {
      "big of 0 ts:time account:string score:decimal(1) severity:enum(info, low, medium, high, "
      "critical) worst:decimal(2)? share:decimal(9)?",
      "storm of 2 ts:time key:string score:int severity:enum(info, low, medium, high, critical)",
      "alert any 0 any 1 any 5 ts:time rule:string severity:enum(info, low, medium, high, "
      "critical) score:float key:string tags:string",
  };
  CHECK(lines == expected);
}
}  // namespace
}  // namespace tocsin::tests

// Embedded tests: events with all their values, and what is expected.
#include <doctest/doctest.h>

#include <string>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/printing.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
const char* const kRule = R"(rule big "Big" {
  by card
  when payment where amount > 100
  alert "{amount}" { total: amount, share: amount / 3, ratio: risk }
}
)";

rules::EmbeddedTest only_test(const rules::Loaded& loaded) {
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  REQUIRE(loaded.rules->tests.size() == 1);
  return loaded.rules->tests.front();
}

std::string fields_text(const cep::Plan& plan, const rules::TestEvent& event) {
  const cep::EventType& type = plan.event_types[event.type.value];
  REQUIRE(event.fields.size() == type.fields.size());
  std::string out = type.name + ":";
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    const cep::Value value = event.fields[i].view();
    if (!value.is_missing()) out += " " + type.fields[i].name + "=" + cep::to_text(value);
  }
  return out;
}

TEST_CASE(
    "embedded tests: an event has what it says, else what defaults say, else nothing, and its "
    "time") {
  const rules::Loaded loaded = load_rules(std::string(kRule) + R"(test big "t" {
  starting 2026-03-02T12:00:00Z
  1m     payment { amount: 5, channel: pos, risk: 0.25, born: 2000-02-29 }
  0s     transfer { id: "t1", amount: -2.5 }
  500ms  payment { channel: "atm", declined: true, country: "SE" }
  until 1h
  expect no alert
})");
  const rules::EmbeddedTest test = only_test(loaded);
  const cep::Plan& plan = *loaded.rules->plan;
  CHECK(test.rule == "big");
  CHECK(test.title == "t");
  CHECK(test.starting == cep::parse_time("2026-03-02T12:00:00Z"));
  CHECK(test.until == cep::Duration{3'600'000'000});
  CHECK(test.expected.empty());
  REQUIRE(test.events.size() == 3);
  CHECK(test.events[0].offset == cep::Duration{60'000'000});
  CHECK(fields_text(plan, test.events[0]) ==
        "payment: ts=2026-03-02T12:01:00Z card=c1 amount=5.00 risk=0.25 country=DE channel=pos "
        "declined=false "
        "born=2000-02-29");
  CHECK(fields_text(plan, test.events[1]) ==
        "transfer: at=2026-03-02T12:00:00Z id=t1 amount=-2.50");
  CHECK(fields_text(plan, test.events[2]) ==
        "payment: ts=2026-03-02T12:00:00.500Z card=c1 amount=20.00 country=SE channel=atm "
        "declined=true");
  CHECK(test.events[0].fields[10].view().kind == cep::ValueKind::kEnum);
}

TEST_CASE("embedded tests: without `starting` they start with the year 2026") {
  const rules::Loaded loaded =
      load_rules(std::string(kRule) + "test big \"t\" { expect no alert }");
  CHECK(only_test(loaded).starting == cep::parse_time("2026-01-01T00:00:00Z"));
}

TEST_CASE("embedded tests: what is expected keeps the digits written") {
  const rules::Loaded loaded = load_rules(std::string(kRule) + R"(test big "t" {
  0s payment { amount: 200 }
  expect alert 2 times at 1m30s { card: "c1", total: 200, share: 66.67, ratio: 1e-3, severity: high, score: 75, message: "m", held_back: 2 }
  expect alert
})");
  const rules::EmbeddedTest test = only_test(loaded);
  REQUIRE(test.expected.size() == 2);
  const rules::ExpectedAlert& first = test.expected[0];
  CHECK(first.times == 2);
  CHECK(first.at == cep::Duration{90'000'000});
  const cep::Type severity = cep::severity_type();
  const std::pair<const char*, cep::Value> expected[] = {
      {"card", cep::Value::string("c1")},
      {"total", cep::Value::integer(200)},
      {"share", cep::Value::decimal(6667, 2)},
      {"ratio", cep::Value::floating(1e-3)},
      {"severity", cep::Value::enumerated(3, "high")},
      {"score", cep::Value::integer(75)},
      {"message", cep::Value::string("m")},
      {"held_back", cep::Value::integer(2)}};
  REQUIRE(first.fields.size() == std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    CHECK(first.fields[i].first == expected[i].first);
    CHECK(first.fields[i].second.view() == expected[i].second);
  }
  CHECK(test.expected[1].times == 1);
  CHECK(!test.expected[1].at);
  CHECK(test.expected[1].fields.empty());
}

TEST_CASE("embedded tests: those of used files and of drafts are left out") {
  const RuleFiles files = {
      {"schema.tocsin", kRuleSchema},
      {"used.tocsin",
       "use \"schema.tocsin\"\n" + std::string(kRule) + "test big \"used\" { expect no alert }"},
      {"main.tocsin",
       "use \"used.tocsin\"\nrule d \"d\" { status draft by card when payment alert \"x\" }\n"
       "test d \"draft\" { expect no alert }\ntest big \"mine\" { expect no alert }"}};
  const rules::Loaded loaded = load_files(files, {"main.tocsin"});
  CHECK(only_test(loaded).title == "mine");
  CHECK(loaded.rules->plan->rules.size() == 1);
  CHECK(places_of(loaded) == "main.tocsin test_of_draft 3:6");
}
}  // namespace
}  // namespace tocsin::tests

#include "library/testing/test_runner.h"

#include <doctest/doctest.h>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/printing.h"

namespace tocsin::library {
namespace {
using cep::OwnedValue;
using cep::Value;

constexpr std::int64_t kSecondUs = 1'000'000;

cep::Field field(const char* name, cep::TypeKind kind, std::vector<std::string> path = {}) {
  cep::Field result;
  result.name = name;
  result.path = path.empty() ? std::vector<std::string>{name} : std::move(path);
  result.type.kind = kind;
  if (kind == cep::TypeKind::kDecimal) result.type.scale = 2;
  return result;
}

// One event type and one rule by card with two alert fields.
cep::Plan sample_plan() {
  cep::Plan plan;
  cep::EventType payment;
  payment.name = "payment";
  payment.json_type = "PMT";
  payment.fields = {field("ts", cep::TypeKind::kTime), field("card", cep::TypeKind::kString),
                    field("amount", cep::TypeKind::kDecimal),
                    field("lat", cep::TypeKind::kFloat, {"geo", "lat"}),
                    field("lon", cep::TypeKind::kFloat, {"geo", "lon"})};
  payment.time_field = cep::FieldIndex(0);
  plan.event_types.push_back(payment);
  cep::Rule rule;
  rule.name = "card_testing";
  rule.id = "CT-1";
  cep::KeyPart card;
  card.name = "card";
  rule.key.parts.push_back(card);
  cep::AlertField total;
  total.name = "total";
  rule.fields = {total};
  plan.rules.push_back(rule);
  return plan;
}

rules::EmbeddedTest sample_test() {
  rules::EmbeddedTest test;
  test.rule = "card_testing";
  test.title = "three probes";
  test.starting = cep::EventTime{1000 * kSecondUs};
  return test;
}

cep::Alert sample_alert(std::int64_t at_s, Value total) {
  cep::Alert alert;
  alert.rule = cep::RuleIndex(0);
  alert.ts = cep::EventTime{(1000 + at_s) * kSecondUs};
  alert.severity = cep::Severity::kHigh;
  alert.message = "Card c1";
  alert.key = {OwnedValue(Value::string("c1"))};
  alert.fields = {OwnedValue(total)};
  return alert;
}

rules::ExpectedAlert expectation(const std::vector<std::pair<std::string, Value>>& fields) {
  rules::ExpectedAlert expected;
  for (const auto& [name, value] : fields) expected.fields.emplace_back(name, OwnedValue(value));
  return expected;
}

TEST_CASE("test runner: events become lines as an input has them") {
  const cep::Plan plan = sample_plan();
  rules::EmbeddedTest test = sample_test();
  const cep::EventTypeIndex payment(0);
  test.events = {
      {cep::Duration{0},
       payment,
       {OwnedValue(Value::time(test.starting)), OwnedValue(Value::string("c\"1")),
        OwnedValue(Value::decimal(150, 2)), OwnedValue(Value::floating(59.5)),
        OwnedValue(Value::floating(18.0))},
       {}},
      {cep::Duration{kSecondUs},
       payment,
       {OwnedValue(Value::time(test.starting + cep::Duration{kSecondUs})), OwnedValue(),
        OwnedValue(Value::decimal(-5, 2)), OwnedValue(), OwnedValue()},
       {}},
  };
  CHECK(events_as_ndjson(plan, test) ==
        "{\"type\":\"PMT\",\"ts\":1000000000,\"card\":\"c\\\"1\",\"amount\":1.50,"
        "\"geo\":{\"lat\":59.5,\"lon\":18}}\n"
        "{\"type\":\"PMT\",\"ts\":1001000000,\"amount\":-0.05}\n");
}

TEST_CASE("test runner: values agree by meaning") {
  struct Row {
    const char* name;
    Value expected, got;
    bool agree;
  };
  const Row rows[] = {
      {"scales do not matter", Value::decimal(350, 2), Value::decimal(35, 1), true},
      {"int and decimal", Value::integer(3), Value::decimal(300, 2), true},
      {"another number", Value::decimal(349, 2), Value::decimal(350, 2), false},
      {"quotient as shown", Value::decimal(333'333'333, 9), Value::fraction(1, 3), true},
      {"quotient with fewer digits", Value::decimal(33, 2), Value::fraction(1, 3), false},
      {"exact quotient", Value::decimal(25, 2), Value::fraction(1, 4), true},
      {"float to the digits written", Value::decimal(333, 3), Value::floating(1.0 / 3), true},
      {"float rounds", Value::decimal(67, 2), Value::floating(2.0 / 3), true},
      {"float does not round so", Value::decimal(66, 2), Value::floating(2.0 / 3), false},
      {"float against an int", Value::integer(2), Value::floating(2.4), true},
      {"minus zero", Value::decimal(0, 1), Value::floating(-0.01), true},
      {"float against a float", Value::floating(0.001), Value::floating(0.00101), true},
      {"small floats", Value::floating(1.5e-7), Value::floating(1.52e-7), true},
      {"small floats apart", Value::floating(1.5e-7), Value::floating(1.6e-7), false},
      {"word and text", Value::string("high"), Value::enumerated(3, "high"), true},
      {"other text", Value::string("a"), Value::string("b"), false},
      {"text is no number", Value::string("1"), Value::integer(1), false},
      {"duration", Value::duration({5}), Value::duration({5}), true},
      {"duration is no int", Value::integer(5), Value::duration({5}), false},
      {"both missing", Value::missing(), Value::missing(), true},
      {"one missing", Value::integer(0), Value::missing(), false},
      {"bools", Value::boolean(true), Value::boolean(false), false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(agrees(row.expected, row.got) == row.agree);
  }
}

TEST_CASE("test runner: named fields are an alert's own, its key's, or what every alert has") {
  const cep::Plan plan = sample_plan();
  const cep::Alert alert = sample_alert(0, Value::integer(7));
  CHECK(alert_value(plan, alert, "total") == Value::integer(7));
  CHECK(alert_value(plan, alert, "card") == Value::string("c1"));
  CHECK(alert_value(plan, alert, "severity") == Value::string("high"));
  CHECK(alert_value(plan, alert, "score") == Value::integer(0));
  CHECK(alert_value(plan, alert, "message") == Value::string("Card c1"));
  CHECK(alert_value(plan, alert, "nothing").is_missing());
}

TEST_CASE("test runner: alerts are compared in order, one for each of N times") {
  const cep::Plan plan = sample_plan();
  rules::EmbeddedTest test = sample_test();
  rules::ExpectedAlert twice = expectation({{"total", Value::integer(1)}});
  twice.times = 2;
  rules::ExpectedAlert last = expectation({{"severity", Value::string("low")}});
  last.at = cep::Duration{60 * kSecondUs};
  test.expected = {twice, last};
  const cep::Alert one = sample_alert(10, Value::integer(1));
  const cep::Alert two = sample_alert(20, Value::decimal(250, 2));
  using Sentences = std::vector<std::string>;
  CHECK(compare_alerts(plan, test, {one, one, two}) ==
        Sentences{"alert 3 came at 20s, not at 1m", "alert 3: `severity` is high, not \"low\""});
  CHECK(compare_alerts(plan, test, {one, two}) ==
        Sentences{"alert 2: `total` is 2.50, not 1", "2 alerts came, 3 expected"});
  test.expected.clear();
  CHECK(compare_alerts(plan, test, {}).empty());
  CHECK(compare_alerts(plan, test, {one}) == Sentences{"1 alert came, none expected"});
}

TEST_CASE("test runner: a failure shows the events, what was expected and what came") {
  const cep::Plan plan = sample_plan();
  rules::EmbeddedTest test = sample_test();
  test.events = {{cep::Duration{10 * kSecondUs},
                  cep::EventTypeIndex(0),
                  {OwnedValue(Value::time(test.starting)), OwnedValue(Value::string("c1")),
                   OwnedValue(Value::decimal(150, 2)), OwnedValue(), OwnedValue()},
                  {}}};
  test.until = cep::Duration{3600 * kSecondUs};
  rules::ExpectedAlert expected = expectation({{"card", Value::string("c2")}});
  expected.at = cep::Duration{10 * kSecondUs};
  test.expected = {expected};
  TestOutcome outcome;
  outcome.alerts = {sample_alert(10, Value::fraction(1, 3))};
  outcome.differences = {"alert 1: `card` is \"c1\", not \"c2\""};
  outcome.late = {{0, cep::Duration{90 * kSecondUs}}};
  test.offsets_written = {{3600 * kSecondUs, "60m"}};
  CHECK(describe_failure(plan, test, outcome) ==
        "  alert 1: `card` is \"c1\", not \"c2\"\n"
        "  the payment at 10s came too late, by 1m30s, and was dropped\n"
        "  events, from 1970-01-01T00:16:40Z\n"
        "    10s  payment { card: \"c1\", amount: 1.50 }\n"
        "    until 60m\n"
        "  expected\n"
        "    alert at 10s { card: \"c2\" }\n"
        "  came\n"
        "    alert at 10s { card: \"c1\" (not \"c2\"), total: 0.333333333, severity: high, "
        "message: \"Card c1\" "
        "}\n");
}
}  // namespace
}  // namespace tocsin::library

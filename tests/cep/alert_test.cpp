#include "cep/data/alert.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "cep/data/alert_format.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/golden.h"

namespace tocsin::cep {
namespace {
Type type_of(TypeKind kind, std::uint8_t scale = 0) { return {kind, scale, nullptr}; }

Field field(const char* name, Type type) {
  Field f;
  f.name = name;
  f.path = {name};
  f.type = std::move(type);
  return f;
}

ExprPtr some_expr() { return std::make_shared<Expr>(); }

// Two event types and two rules, of which format_alert reads names and shapes alone.
Plan sample_plan() {
  Plan plan;
  Type channel = type_of(TypeKind::kEnum);
  channel.words =
      std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"pos", "ecom"});
  EventType payment;
  payment.name = "payment";
  payment.fields = {field("ts", type_of(TypeKind::kTime)),
                    field("id", type_of(TypeKind::kString)),
                    field("card", type_of(TypeKind::kString)),
                    field("amount", type_of(TypeKind::kDecimal, 2)),
                    field("channel", channel),
                    field("risk", type_of(TypeKind::kFloat))};
  EventType login;
  login.name = "login";
  login.fields = {field("ts", type_of(TypeKind::kTime)), field("ok", type_of(TypeKind::kBool))};
  plan.event_types = {payment, login};

  Rule testing;
  testing.name = testing.id = "card_testing";
  testing.title = "Small probes, then a large \"payment\"";
  testing.tags = {"ecom", "card"};
  testing.key.parts = {{"card", type_of(TypeKind::kString), {}}};
  testing.fields = {{"score", some_expr()}, {"probe_total", some_expr()}, {"share", some_expr()},
                    {"gap", some_expr()},   {"since", some_expr()},       {"day", some_expr()}};
  testing.captured = {{EventTypeIndex(0), {FieldIndex(3), FieldIndex(4), FieldIndex(5)}},
                      {EventTypeIndex(1), {FieldIndex(1)}}};
  Rule global;
  global.name = "global";
  global.id = "GL-1";
  global.title = "Anything";
  Rule several;
  several.name = several.id = "several";
  several.key.parts = {{"device", type_of(TypeKind::kInt), {}},
                       {"channel", channel, {}},
                       {"limit", type_of(TypeKind::kDecimal, 2), {}}};
  several.fields = {{"score", some_expr()}};
  plan.rules = {testing, global, several};
  return plan;
}

std::vector<OwnedValue> owned(const std::vector<Value>& values) {
  return {values.begin(), values.end()};
}
}  // namespace

TEST_CASE("alert: one line of format 1") {
  const Plan plan = sample_plan();
  std::string text;
  Alert alert;
  alert.rule = RuleIndex(0);
  alert.digest = *read_alert_digest("00112233445566778899aabbccddeeff");
  alert.key = owned({Value::string("c1")});
  alert.ts = {1'772'452'860'000'000};
  alert.severity = Severity::kHigh;
  alert.message = "Card c1: 3 probes, then 250.00";
  alert.fields = owned({Value::integer(75), Value::decimal(349, 2), Value::fraction(1, 3),
                        Value::duration({10'000'000}), Value::time({1'772'452'800'000'000}),
                        Value::date(20'819)});
  alert.score_field = score_field_of(plan.rules[0]);
  const std::vector<Value> probe = {Value::decimal(100, 2), Value::enumerated(1, "ecom"),
                                    Value::floating(0.25)};
  const std::vector<Value> login = {Value::boolean(false)};
  const std::vector<Value> missing(3);
  std::vector<BoundEvent> events = {
      {"probes", EventTypeIndex(0), "", "p1", {1'772'452'800'000'000}, probe},
      {"login", EventTypeIndex(1), "", "8f", {1'772'452'810'000'000}, login},
      {"hit", EventTypeIndex(0), "", "p\n2", {1'772'452'860'000'000}, missing}};
  alert.events = PackedEvents(events);
  text += format_alert(plan, alert) + "\n";

  // Missing values are left out, and the rest appears where it applies.
  alert.fields = owned({Value::missing(), Value::missing(), Value::missing(), Value::missing(),
                        Value::missing(), Value::missing()});
  events.resize(1);
  events[0].id = {};
  alert.events = PackedEvents(events);
  alert.held_back = 7;
  alert.late_us = 1'500;
  alert.truncated = 2;
  alert.lost_runs = 3;
  text += format_alert(plan, alert) + "\n";

  // A rule without key, fields and tags.
  Alert bare;
  bare.rule = RuleIndex(1);
  bare.digest = *read_alert_digest("ffeeddccbbaa99887766554433221100");
  bare.ts = {-1};
  text += format_alert(plan, bare) + "\n";

  Alert several;
  several.rule = RuleIndex(2);
  several.digest = bare.digest;
  several.key = owned({Value::integer(-5), Value::enumerated(0, "pos"), Value::decimal(100, 2)});
  several.severity = Severity::kInfo;
  several.fields = owned({Value::decimal(6'050, 2)});
  several.score_field = 0;
  several.message = "control \x01, quote \", back-slash \\, caf\xc3\xa9";
  text += format_alert(plan, several) + "\n";
  tests::check_golden("alerts.txt", text);
}
}  // namespace tocsin::cep

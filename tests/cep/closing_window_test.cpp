// Windows that close: what opens, extends and is collected; their alerts.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "cep/value/identity.h"
#include "cep/value/key.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/engine_run.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
namespace {
using cep::Aggregate;
using cep::Op;
using cep::Value;

cep::KeySpec by_card(const PlanBuilder& b) { return b.key("card", {{"pay", "card", ""}}); }
cep::Subset pays(const PlanBuilder& b, std::int64_t least, const std::string& name) {
  cep::Subset subset = b.kind("pay");
  subset.condition = condition(Op::kGreaterEqual, {b.field("amount", {"pay"}), int_literal(least)});
  subset.name = name;
  return subset;
}
void show_window(const PlanBuilder& b, cep::Rule& rule) {
  PlanBuilder::show(rule, "", b.of_window(Aggregate::kCount));
  PlanBuilder::show(rule, " of ", b.of_window(Aggregate::kSum, b.field("amount", {"pay"})));
  PlanBuilder::show(rule, ", last ", b.field("amount", {"pay"}));
}
}  // namespace

TEST_CASE("closing window: a session ends a gap after its last event") {
  PlanBuilder b;
  show_window(b, b.window("s", by_card(b), true, 10, {b.kind("pay")}));
  CHECK(b.alerts({"pay 0 card=x amount=1", "pay 9 card=x amount=2", "pay 12 card=y amount=7",
                  "pay 18 card=x amount=3", "pay 28 card=x amount=4", "pay 28 card=y amount=8"}) ==
        Lines{"s@22 y: 1 of 7, last 7 [w=3]", "s@28 x: 3 of 6, last 3 [w=1 w=2 w=4]",
              "s@38 x: 1 of 4, last 4 [w=5]", "s@38 y: 1 of 8, last 8 [w=6]"});
  // Time stops before the last ones end.
  CHECK(b.alerts({"pay 0 card=x amount=1", "pay 9 card=x amount=2"}, 18) == Lines{});
  CHECK(b.alerts({"pay 0 card=x amount=1", "pay 9 card=x amount=2"}, 19).all.size() == 1);
}

TEST_CASE("closing window: what is considered is collected, but neither opens nor extends it") {
  PlanBuilder b;
  show_window(b, b.window("s", by_card(b), true, 10, {pays(b, 5, "big")}, {b.kind("pay")}));
  CHECK(b.alerts({"pay 0 card=x amount=1", "pay 1 card=x amount=5", "pay 10 card=x amount=1",
                  "pay 11 card=x amount=2", "pay 12 card=x amount=6", "pay 21 card=x amount=3"}) ==
        Lines{"s@11 x: 2 of 6, last 1 [w=2 w=3]", "s@22 x: 2 of 9, last 3 [w=5 w=6]"});
  // Without a name of its own an event has that of the first kind it is of.
  b.plan.rules[0].variables[0].name.clear();
  CHECK(b.alerts({"pay 1 card=x amount=5", "pay 10 card=x amount=1"}) ==
        Lines{"s@11 x: 2 of 6, last 1 [big=1 pay=2]"});
}

TEST_CASE("closing window: tumbling windows are aligned and need an event of their kinds") {
  PlanBuilder b;
  show_window(b, b.window("t", by_card(b), false, 10, {pays(b, 5, "big")}, {b.kind("pay")}));
  CHECK(b.alerts({"pay 3 card=x amount=1", "pay 9 card=x amount=5", "pay 10 card=x amount=1",
                  "pay 20 card=x amount=6", "pay 29 card=x amount=2", "pay 30 card=x amount=1",
                  "pay 45 card=x amount=1", "pay 46 card=x amount=9"}) ==
        Lines{"t@10 x: 2 of 6, last 5 [w=1 w=2]", "t@30 x: 2 of 8, last 2 [w=4 w=5]",
              "t@50 x: 2 of 10, last 9 [w=7 w=8]"});
}

TEST_CASE("closing window: the condition, `having` and `once` are asked when it closes") {
  PlanBuilder b;
  cep::Rule& rule = b.window("t", by_card(b), false, 10, {b.kind("pay")});
  rule.window->where =
      condition(Op::kGreaterEqual, {b.of_window(Aggregate::kCount), int_literal(2)});
  rule.having = condition(Op::kLess, {b.field("amount", {"pay"}), int_literal(9)});
  rule.suppression.once = cep::OncePerDuration{cep::Duration{15'000}};
  show_window(b, rule);
  CHECK(b.alerts({"pay 1 card=x amount=1", "pay 11 card=x amount=1", "pay 12 card=x amount=1",
                  "pay 21 card=x amount=1", "pay 22 card=x amount=9", "pay 25 card=y amount=1",
                  "pay 26 card=y amount=1", "pay 31 card=x amount=1", "pay 32 card=x amount=1",
                  "pay 41 card=x amount=1", "pay 42 card=x amount=2"}) ==
        Lines{"t@20 x: 2 of 2, last 1 [w=2 w=3]", "t@30 y: 2 of 2, last 1 [w=6 w=7]",
              "t@40 x: 2 of 2, last 1 [w=8 w=9]"});
}

TEST_CASE("closing window: features are as of the last event collected") {
  PlanBuilder b;
  b.count("on_device", {b.kind("pay")}, b.key("device", {{"pay", "device", ""}}), 100);
  cep::Rule& rule = b.window("s", by_card(b), true, 10, {b.kind("pay")});
  PlanBuilder::show(rule, "", b.read("on_device"));
  CHECK(b.alerts({"pay 0 card=x device=d", "pay 1 card=x device=d", "pay 2 card=y device=d"}) ==
        Lines{"s@11 x: 2 [w=1 w=2]", "s@12 y: 3 [w=3]"});
}

TEST_CASE("closing window: its alerts are events of its end") {
  PlanBuilder b;
  b.window("s", by_card(b), true, 10, {b.kind("pay")});
  b.alert_type("of s", {"s"});
  b.rule("after", b.key("card", {{"pay", "card", ""}, {"of s", "card", ""}}),
         {{b.kind("of s")}, {b.kind("pay")}});
  CHECK(b.alerts({"pay 0 card=x", "pay 10 card=x"}) ==
        Lines{"s@10 x:  [w=1]", "after@10 x:  [a=of s b=2]", "s@20 x:  [w=2]"});
}

TEST_CASE("closing window: begin and end name its alert; beyond the limits the rest is counted") {
  PlanBuilder b;
  show_window(b, b.window("s", by_card(b), true, 10, {b.kind("pay")}));
  std::vector<std::string> lines;
  for (int i = 0; i < 1'203; ++i) lines.push_back("pay " + std::to_string(i) + " card=x amount=1");
  const auto run = [&](std::uint32_t most) {
    cep::Limits limits;
    limits.events_per_key_max = most;
    const auto program = cep::compile(std::make_shared<const cep::Plan>(b.plan), limits);
    REQUIRE(program.has_value());
    const auto placed = oracle::place_events(b.plan, b.events(lines), {});
    std::vector<cep::Alert> alerts =
        run_engine(*program, placed, cep::EventTime{10'000'000}, {.rows = 100});
    std::erase_if(alerts, [](const cep::Alert& alert) { return alert.budget.has_value(); });
    REQUIRE(alerts.size() == 1);
    return alerts[0];
  };
  const cep::Alert all = run(100'000);
  CHECK(all.message == "1203 of 1203, last 1");
  CHECK(all.events.size() == 1'000);
  CHECK(all.truncated == 203);
  CHECK(all.lost_runs == 0);
  CHECK(all.events.front().id == "1");
  const Value key[] = {Value::string("x")};
  const std::vector<std::string> identity = {
      cep::identity_of_window(cep::EventTime{0}, cep::EventTime{1'212'000})};
  CHECK(cep::alert_id(all.digest) == cep::alert_id("s", cep::key_bytes(key), all.ts, identity, 0));
  // Of 1,001 the newer 500 stay; 202 follow.
  const cep::Alert some = run(1'000);
  CHECK(some.message == "702 of 702, last 1");
  CHECK(some.lost_runs == 501);
  CHECK(some.events.front().id == "502");
  CHECK(some.digest == all.digest);
}
}  // namespace tocsin::tests

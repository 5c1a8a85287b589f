// `unless alerted by`: features that leave out the events at which a rule alerts.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
namespace {
using cep::Op;

cep::KeySpec by_card(const PlanBuilder& b) { return b.key("card", {{"pay", "card", ""}}); }
cep::KeySpec by_device(const PlanBuilder& b) { return b.key("device", {{"pay", "device", ""}}); }
cep::ExprPtr above(cep::ExprPtr value, std::int64_t least) {
  return condition(Op::kGreaterEqual, {std::move(value), int_literal(least)});
}
}  // namespace

// A count over `previous` that leaves out the events at which rule `big` alerts.
namespace {
cep::Feature& usual(PlanBuilder& b, cep::KeySpec key) {
  cep::Feature& feature = b.count("usual", {b.kind("pay")}, std::move(key), 100);
  feature.window.range = cep::PreviousWindow{*feature.window.duration()};
  feature.unless_alerted_by = cep::RuleIndex(0);
  return feature;
}
const std::vector<std::string> kPays = {
    "pay 0 card=x device=1 amount=1", "pay 1 card=x device=2 amount=9",
    "pay 2 card=x device=1 amount=2", "pay 3 card=y device=1 amount=8",
    "pay 4 card=y device=1 amount=1", "pay 5 card=x device=2 amount=3"};
}  // namespace

TEST_CASE("levels: unless alerted by a rule of the same key, which may read the feature") {
  PlanBuilder b;
  cep::Rule& big =
      b.rule("big", by_card(b), {{b.kind("pay")}}, above(b.field("amount", {"pay"}), 5));
  usual(b, by_card(b));
  PlanBuilder::show(big, "", b.read("usual"));
  cep::Rule& all = b.rule("all", by_card(b), {{b.kind("pay")}});
  PlanBuilder::show(all, "", b.read("usual"));
  const Lines expected{"all@0 x: 0 [a=1]", "big@1 x: 1 [a=2]", "all@1 x: 1 [a=2]",
                       "all@2 x: 1 [a=3]", "big@3 y: 0 [a=4]", "all@3 y: 0 [a=4]",
                       "all@4 y: 0 [a=5]", "all@5 x: 2 [a=6]"};
  CHECK(b.alerts(kPays) == expected);
  // One that is suppressed counts as alerted.
  b.plan.rules[0].suppression.once = cep::Once::kPerDuration;
  b.plan.rules[0].suppression.duration = cep::Duration{100'000};
  CHECK(b.alerts({"pay 0 card=x amount=9", "pay 1 card=x amount=9", "pay 2 card=x amount=1"}) ==
        Lines{"big@0 x: 0 [a=1]", "all@0 x: 0 [a=1]", "all@1 x: 0 [a=2]", "all@2 x: 0 [a=3]"});
  b.plan.rules[0].suppression.for_each = {b.field("device", {"pay"})};
  CHECK(b.alerts({"pay 0 card=x amount=9", "pay 1 card=x amount=9", "pay 2 card=x amount=1"}) ==
        Lines{"big@0 x: 0 [a=1]", "all@0 x: 0 [a=1]", "all@1 x: 0 [a=2]", "all@2 x: 0 [a=3]"});
}

TEST_CASE("levels: unless alerted by a rule of another key") {
  PlanBuilder b;
  b.rule("big", by_card(b), {{b.kind("pay")}}, above(b.field("amount", {"pay"}), 5));
  usual(b, by_device(b));
  cep::Rule& all = b.rule("all", by_card(b), {{b.kind("pay")}});
  PlanBuilder::show(all, "", b.read("usual"));
  const Lines expected{"big@1 x:  [a=2]",  "big@3 y:  [a=4]",  "all@0 x: 0 [a=1]",
                       "all@1 x: 0 [a=2]", "all@2 x: 1 [a=3]", "all@3 y: 2 [a=4]",
                       "all@4 y: 2 [a=5]", "all@5 x: 0 [a=6]"};
  CHECK(b.alerts(kPays).sorted() == expected.sorted());
}

TEST_CASE("levels: unless alerted by a rule of another key that reads the feature") {
  PlanBuilder b;
  cep::Rule& big =
      b.rule("big", by_card(b), {{b.kind("pay")}}, above(b.field("amount", {"pay"}), 5));
  usual(b, by_device(b));
  PlanBuilder::show(big, "", b.read("usual"));
  // Alerts only where nothing usual was seen there, so that one alert is not followed by another.
  big.having = condition(Op::kEqual, {b.read("usual"), int_literal(0)});
  cep::Rule& all = b.rule("all", by_device(b), {{b.kind("pay")}});
  PlanBuilder::show(all, "", b.read("usual"));
  CHECK(b.alerts({"pay 0 card=x device=1 amount=9", "pay 1 card=y device=1 amount=9",
                  "pay 2 card=x device=1 amount=1", "pay 2 card=x device=1 amount=9",
                  "pay 3 card=x device=1 amount=1"}) ==
        Lines{"all@0 1: 0 [a=1]", "big@0 x: 0 [a=1]", "all@1 1: 0 [a=2]", "big@1 y: 0 [a=2]",
              "all@2 1: 0 [a=3]", "all@2 1: 1 [a=4]", "all@3 1: 2 [a=5]"});
}
}  // namespace tocsin::tests

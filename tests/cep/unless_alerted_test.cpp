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
  b.plan.rules[0].suppression.once = cep::OncePerDuration{cep::Duration{100'000}};
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

namespace {
// Rule `big` by card, which reads `usual` by device; and `seen`, the alerts of `raiser` by device.
cep::Rule& raiser_beside_big(PlanBuilder& b) {
  b.rule("big", by_card(b), {{b.kind("pay")}}, above(b.field("amount", {"pay"}), 5));
  usual(b, by_device(b));
  b.plan.rules[0].having = above(b.read("usual"), 0);
  b.rule("raiser", by_device(b), {{b.kind("pay")}});
  b.alert_type("seen", {"raiser"});
  b.plan.features[0].key = b.key("device", {{"pay", "device", ""}, {"seen", "device", ""}});
  return b.plan.rules[1];
}
}  // namespace

TEST_CASE("levels: at an alert, a feature that waits for a rule has taken the alert's cause") {
  PlanBuilder b;
  raiser_beside_big(b);
  cep::Rule& reader =
      b.rule("reader", b.key("device", {{"seen", "device", ""}}), {{b.kind("seen")}});
  PlanBuilder::show(reader, "", b.read("usual"));
  const std::vector<std::string> pays = {"pay 0 card=x device=1 amount=1",
                                         "pay 1 card=x device=1 amount=9",
                                         "pay 2 card=y device=1 amount=2"};
  CHECK(b.alerts(pays) == Lines{"raiser@0 1:  [a=1]", "reader@0 1: 1 [a=seen]",
                                "raiser@1 1:  [a=2]", "big@1 x:  [a=2]", "reader@1 1: 1 [a=seen]",
                                "raiser@2 1:  [a=3]", "reader@2 1: 2 [a=seen]"});
  // Also where the rule that raises the alert reads the feature.
  PlanBuilder::show(b.plan.rules[1], "", b.read("usual"));
  CHECK(b.alerts(pays) == Lines{"raiser@0 1: 0 [a=1]", "reader@0 1: 1 [a=seen]",
                                "raiser@1 1: 1 [a=2]", "big@1 x:  [a=2]", "reader@1 1: 1 [a=seen]",
                                "raiser@2 1: 1 [a=3]", "reader@2 1: 2 [a=seen]"});
}

TEST_CASE("levels: row by row, `for each` decides in the order of the alerts") {
  PlanBuilder b;
  raiser_beside_big(b);
  b.plan.rules[1].name = b.plan.rules[1].id = "z";
  b.rule("y", by_card(b), {{b.kind("pay")}});
  b.alert_type("any", {"z", "y"});
  // By key, `y` comes first; `z` raised first.
  cep::Rule& first = b.rule("first", b.key("rule", {{"any", "rule", ""}}), {{b.kind("any")}});
  first.suppression.once = cep::OncePerDuration{cep::Duration{100'000}};
  first.suppression.for_each = {b.field("severity", {"any"})};
  CHECK(b.alerts({"pay 0 card=x device=1 amount=1", "pay 1 card=x device=1 amount=9",
                  "pay 200 card=x device=1 amount=1"}) ==
        Lines{"z@0 1:  [a=1]", "y@0 x:  [a=1]", "first@0 y:  [a=any]", "z@1 1:  [a=2]",
              "y@1 x:  [a=2]", "big@1 x:  [a=2]", "z@200 1:  [a=3]", "y@200 x:  [a=3]",
              "first@200 y:  [a=any]"});
}
}  // namespace tocsin::tests

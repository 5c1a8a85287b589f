// What crosses between operators: features under other fields, features that read features, alerts
// as events, keys with roles.
#include <doctest/doctest.h>

#include "cep/plan/feature.h"
#include "cep/plan/operator_graph.h"
#include "cep/plan/rule.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/plan_parts.h"
#include "tests/support/printing.h"

namespace tocsin::tests {
namespace {
using cep::Op;

cep::KeySpec by_card(const PlanBuilder& b) { return b.key("card", {{"pay", "card", ""}}); }
cep::KeySpec by_device(const PlanBuilder& b) { return b.key("device", {{"pay", "device", ""}}); }
cep::KeySpec by_account(const PlanBuilder& b) {
  return b.key("account",
               {{"transfer", "to_account", "got"}, {"transfer", "from_account", "sent"}});
}
cep::ExprPtr above(cep::ExprPtr value, std::int64_t least) {
  return condition(Op::kGreaterEqual, {std::move(value), int_literal(least)});
}
}  // namespace

TEST_CASE("levels: a feature under its own key, another field, and an expression") {
  PlanBuilder b;
  const cep::KeySpec receiver = b.key("account", {{"transfer", "to_account", ""}});
  b.count("received", {b.kind("transfer")}, receiver, 100);
  cep::Rule& rule =
      b.rule("all", b.key("payer", {{"transfer", "from_account", ""}}), {{b.kind("transfer")}});
  PlanBuilder::show(rule, "", b.read("received"));
  PlanBuilder::show(rule, ",", b.read("received", {b.field("from_account", {"transfer"})}));
  PlanBuilder::show(rule, ",", b.read("received", {b.field("to_account", {"transfer"})}));
  PlanBuilder::show(rule, ",",
                    b.read("received", {operation(Op::kCoalesce, type_of(cep::TypeKind::kString),
                                                  {b.field("to_account", {"transfer"}),
                                                   b.field("from_account", {"transfer"})})}));
  CHECK(
      b.alerts({"transfer 0 from_account=a to_account=b", "transfer 10 from_account=b to_account=c",
                "transfer 20 from_account=b to_account=b", "transfer 20 from_account=c",
                "transfer 99 from_account=c to_account=b",
                "transfer 100 from_account=b to_account=a"}) ==
      Lines{"all@0 a: 1,0,1,1 [a=1]", "all@10 b: 1,1,1,1 [a=2]", "all@20 b: 2,2,2,2 [a=3]",
            "all@20 c: missing,1,missing,1 [a=4]", "all@99 c: 3,1,3,3 [a=5]",
            "all@100 b: 1,2,1,1 [a=6]"});
}

TEST_CASE("levels: features that read features, by the same key and by another") {
  PlanBuilder b;
  b.count("on_device", {b.kind("pay")}, by_device(b), 100);
  // Written before the feature it reads: order does not matter.
  b.count("crowded", {b.kind("pay")}, by_card(b), 1'000);
  b.count("bursts", {b.kind("pay")}, by_card(b), 1'000);
  b.count("on_card", {b.kind("pay")}, by_card(b), 100);
  b.plan.features[1].where = above(b.read("on_device"), 2);
  b.plan.features[2].where = above(b.read("on_card"), 2);
  cep::Rule& rule = b.rule("all", by_card(b), {{b.kind("pay")}});
  PlanBuilder::show(rule, "", b.read("on_device"));
  PlanBuilder::show(rule, ",", b.read("crowded"));
  PlanBuilder::show(rule, ",", b.read("bursts"));
  PlanBuilder::show(rule, ",", b.read("on_card"));
  CHECK(b.alerts({"pay 0 card=x device=1", "pay 10 card=y device=1", "pay 20 card=x device=1",
                  "pay 130 card=x device=2", "pay 140 card=y device=2", "pay 141 card=y"}) ==
        Lines{"all@0 x: 1,0,0,1 [a=1]", "all@10 y: 2,1,0,1 [a=2]", "all@20 x: 3,1,1,2 [a=3]",
              "all@130 x: 1,1,1,1 [a=4]", "all@140 y: 2,2,0,1 [a=5]",
              "all@141 y: missing,2,1,2 [a=6]"});
}

TEST_CASE("levels: alerts are events directly after their cause, in the total order") {
  PlanBuilder b;
  // Two rules of one event that both match, in the order of the plan.
  cep::Rule& big =
      b.rule("big", by_card(b), {{b.kind("pay")}}, above(b.field("amount", {"pay"}), 5));
  big.fields = {{"score", int_literal(7)}, {"size", b.field("amount", {"pay"})}};
  b.rule("huge", by_card(b), {{b.kind("pay")}}, above(b.field("amount", {"pay"}), 9));
  b.alert_type("big alert", {"big"});
  b.alert_type("any", {"big", "huge"});
  const auto card_of_any = [&] { return b.key("", {}); };
  cep::Rule& after =
      b.rule("after", b.key("card", {{"pay", "card", ""}, {"big alert", "card", ""}}),
             {{b.kind("big alert")}, {b.kind("pay")}});
  PlanBuilder::show(after, "", b.field("amount", {"pay"}));
  cep::Rule& each = b.rule("each", {}, {{b.kind("any")}});
  PlanBuilder::show(each, "", b.field("rule", {"any"}));
  PlanBuilder::show(each, " ", b.field("key", {"any"}));
  PlanBuilder::show(each, " ", b.field("score", {"any"}));
  PlanBuilder::show(each, " ", b.field("severity", {"any"}));
  static_cast<void>(card_of_any);
  CHECK(b.alerts({"pay 0 card=x amount=9", "pay 0 card=x amount=1", "pay 5 card=y amount=5",
                  "pay 5 card=y amount=2"}) ==
        Lines{"big@0 x:  [a=1]", "huge@0 x:  [a=1]", "each@0: big x 7 medium [a=any]",
              "each@0: huge x 0 medium [a=any]", "after@0 x: 1 [a=big alert b=2]",
              "big@5 y:  [a=3]", "each@5: big y 7 medium [a=any]",
              "after@5 y: 2 [a=big alert b=4]"});
}

TEST_CASE("levels: alerts of deadlines stand before the events of their time") {
  PlanBuilder b;
  cep::Rule& lonely = b.rule("lonely", by_card(b), {{b.kind("pay")}});
  cep::Absence absence;
  absence.events = {b.kind("pay")};
  absence.absent_for = cep::Duration{10'000};
  lonely.pattern.push_back(absence);
  b.alert_type("lonely alert", {"lonely"});
  const cep::KeySpec key = b.key("card", {{"pay", "card", ""}, {"lonely alert", "card", ""}});
  b.count("lonelies", {b.kind("lonely alert")}, b.key("card", {{"lonely alert", "card", ""}}), 100);
  b.plan.features[0].key = key;
  cep::Rule& next = b.rule("next", key, {{b.kind("lonely alert")}, {b.kind("pay")}});
  next.pattern[1].contiguity = cep::Contiguity::kNext;
  cep::Rule& all = b.rule("all", by_card(b), {{b.kind("pay")}});
  PlanBuilder::show(all, "", b.read("lonelies"));
  CHECK(b.alerts({"pay 0 card=x", "pay 10 card=x", "pay 19 card=x"}) ==
        Lines{"all@0 x: 0 [a=1]", "lonely@10 x:  [a=1]", "next@10 x:  [a=lonely alert b=2]",
              "all@10 x: 1 [a=2]", "all@19 x: 1 [a=3]", "lonely@29 x:  [a=3]"});
}

TEST_CASE("levels: a feature is read at an alert that is not a match's last event") {
  PlanBuilder b;
  b.rule("big", by_card(b), {{b.kind("pay")}}, above(b.field("amount", {"pay"}), 5));
  b.alert_type("big alert", {"big"});
  const cep::KeySpec key = b.key("card", {{"pay", "card", ""}, {"big alert", "card", ""}});
  b.count("recent", {b.kind("pay")}, key, 100);
  // As of an earlier step.
  cep::Rule& then = b.rule("then", key, {{b.kind("big alert")}, {b.kind("pay")}});
  auto of_step = std::make_shared<cep::Expr>();
  of_step->op = Op::kBound;
  of_step->payload = cep::BoundField{cep::VarIndex(0), cep::Which::kOnly, {}};
  of_step->type = type_of(cep::TypeKind::kInt);
  of_step->args = {b.read("recent")};
  PlanBuilder::show(then, "", of_step);
  // At each event that is considered.
  cep::Rule& quiet = b.rule("quiet", key, {{b.kind("big alert")}, {b.kind("pay")}});
  quiet.suppression.once = cep::OnceWhile{above(b.read("recent"), 1)};
  CHECK(b.alerts({"pay 0 card=x amount=9", "pay 1 card=x amount=1", "pay 2 card=x amount=9",
                  "pay 3 card=x amount=1"}) ==
        Lines{"big@0 x:  [a=1]", "then@1 x: 1 [a=big alert b=2]", "quiet@1 x:  [a=big alert b=2]",
              "big@2 x:  [a=3]", "then@2 x: 1 [a=big alert b=3]", "then@3 x: 1 [a=big alert b=4]"});
}

TEST_CASE("levels: at an alert of a deadline, a feature holds nothing that comes later") {
  PlanBuilder b;
  const auto lonely = [&](const std::string& name, std::int64_t ms) -> cep::Rule& {
    cep::Rule& rule = b.rule(name, by_card(b), {{b.kind("pay")}});
    cep::Absence absence;
    absence.events = {b.kind("pay")};
    absence.absent_for = cep::Duration{ms * 1'000};
    rule.pattern.push_back(absence);
    return rule;
  };
  lonely("late", 10);
  lonely("early", 5);
  b.alert_type("late alert", {"late"});
  b.alert_type("early alert", {"early"});
  b.count(
      "lates", {b.kind("late alert")},
      b.key("card", {{"pay", "card", ""}, {"late alert", "card", ""}, {"early alert", "card", ""}}),
      100);
  PlanBuilder::show(b.plan.rules[1], "", b.read("lates"));
  cep::Rule& reader =
      b.rule("reader", b.key("card", {{"early alert", "card", ""}}), {{b.kind("early alert")}});
  PlanBuilder::show(reader, "", b.read("lates"));
  CHECK(b.alerts({"pay 0 card=x", "pay 20 card=x", "pay 24 card=y"}, 100) ==
        Lines{"early@5 x: 0 [a=1]", "reader@5 x: 0 [a=early alert]", "late@10 x:  [a=1]",
              "early@25 x: 1 [a=2]", "reader@25 x: 1 [a=early alert]", "early@29 y: 0 [a=3]",
              "reader@29 y: 0 [a=early alert]", "late@30 x:  [a=2]", "late@34 y:  [a=3]"});
}

TEST_CASE("levels: several alerts of one cause that complete one rule are counted through") {
  PlanBuilder b;
  b.rule("one", by_card(b), {{b.kind("pay")}});
  b.rule("two", by_card(b), {{b.kind("pay")}});
  b.alert_type("any", {"one", "two"});
  cep::Rule& pairs = b.rule("pairs", {}, {{b.kind("any")}, {b.kind("any")}});
  pairs.selection.kind = cep::SelectionKind::kNoSkip;
  b.alert_type("of pairs", {"pairs"});
  cep::Rule& third = b.rule("third", {}, {{b.kind("of pairs")}});
  PlanBuilder::show(third, "", b.field("score", {"of pairs"}));
  CHECK(b.alerts({"pay 0 card=x", "pay 0 card=y"}) ==
        Lines{"one@0 x:  [a=1]", "two@0 x:  [a=1]", "pairs@0:  [a=any b=any]",
              "third@0: 0 [a=of pairs]", "one@0 y:  [a=2]", "two@0 y:  [a=2]",
              "pairs@0:  [a=any b=any]", "pairs@0:  [a=any b=any]", "pairs@0:  [a=any b=any]",
              "pairs@0:  [a=any b=any]", "pairs@0:  [a=any b=any]", "third@0: 0 [a=of pairs]",
              "third@0: 0 [a=of pairs]", "third@0: 0 [a=of pairs]", "third@0: 0 [a=of pairs]",
              "third@0: 0 [a=of pairs]"});
}

TEST_CASE("levels: alerts of a shadow rule are for shadow rules") {
  PlanBuilder b;
  b.rule("raiser", by_card(b), {{b.kind("pay")}}).status = cep::Status::kShadow;
  b.alert_type("seen", {"raiser"});
  const cep::KeySpec key = b.key("card", {{"seen", "card", ""}});
  b.rule("live", key, {{b.kind("seen")}});
  b.rule("shadow", key, {{b.kind("seen")}}).status = cep::Status::kShadow;
  CHECK(b.alerts({"pay 0 card=x"}) == Lines{"raiser@0 x:  [a=1]", "shadow@0 x:  [a=seen]"});
  b.plan.rules[0].status = cep::Status::kInternal;
  CHECK(b.alerts({"pay 0 card=x"}) ==
        Lines{"raiser@0 x:  [a=1]", "live@0 x:  [a=seen]", "shadow@0 x:  [a=seen]"});
}

TEST_CASE("levels: rules that feed each other are refused by name") {
  PlanBuilder b;
  b.rule("one", by_card(b), {{b.kind("pay")}});
  b.alert_type("of one", {"one"});
  const cep::KeySpec key = b.key("card", {{"pay", "card", ""}, {"of one", "card", ""}});
  b.count("many", {b.kind("of one")}, key, 100);
  b.plan.rules[0].pattern[0].test()->where = above(b.read("many"), 1);
  CHECK(b.refusal() == "plan: rule `one` reads its own alerts");
  CHECK(cep::OperatorGraph(b.plan).cycle() ==
        "feature `many` takes alerts of rule `one`, which reads feature `many`");
}

TEST_CASE("levels: an event with two roles is one of both keys") {
  PlanBuilder b;
  cep::Rule& through =
      b.rule("through", by_account(b), {{b.kind("transfer", "got")}, {b.kind("transfer", "sent")}});
  static_cast<void>(through);
  b.rule("any", by_account(b), {{b.kind("transfer")}});
  CHECK(
      b.alerts({"transfer 0 from_account=a to_account=b", "transfer 1 from_account=b to_account=c",
                "transfer 2 from_account=c to_account=c"}) ==
      Lines{"any@0 b:  [a=1]", "any@0 a:  [a=1]", "through@1 b:  [a=1 b=2]", "any@1 c:  [a=2]",
            "any@1 b:  [a=2]", "through@2 c:  [a=2 b=3]", "any@2 c:  [a=3]"});
}

TEST_CASE("levels: a strict step counts an event of a role once, and equal keys fit either role") {
  PlanBuilder b;
  cep::Rule& rule =
      b.rule("twice", by_account(b), {{b.kind("transfer", "got")}, {b.kind("transfer", "sent")}});
  rule.pattern[1].contiguity = cep::Contiguity::kNext;
  CHECK(b.alerts(
            {"transfer 0 from_account=a to_account=a", "transfer 1 from_account=a to_account=b",
             "transfer 2 from_account=a to_account=c", "transfer 3 from_account=b to_account=b"}) ==
        Lines{"twice@1 a:  [a=1 b=2]", "twice@3 b:  [a=2 b=4]"});
}

TEST_CASE("levels: a feature by the rule's own key is that of the role in hand") {
  PlanBuilder b;
  b.count("received", {b.kind("transfer")}, b.key("account", {{"transfer", "to_account", ""}}),
          100);
  cep::Rule& rule = b.rule("all", by_account(b), {{b.kind("transfer")}});
  auto key = std::make_shared<cep::Expr>();
  key->op = Op::kKey;
  key->payload = cep::KeyRead();
  key->type = type_of(cep::TypeKind::kString);
  PlanBuilder::show(rule, "", b.read("received", {key}));
  CHECK(b.alerts(
            {"transfer 0 from_account=a to_account=b", "transfer 1 from_account=b to_account=c",
             "transfer 2 from_account=c to_account=b", "transfer 3 from_account=c to_account=c"}) ==
        Lines{"all@0 b: 1 [a=1]", "all@0 a: 0 [a=1]", "all@1 c: 1 [a=2]", "all@1 b: 1 [a=2]",
              "all@2 b: 2 [a=3]", "all@2 c: 1 [a=3]", "all@3 c: 2 [a=4]"});
}
}  // namespace tocsin::tests

#include "cep/plan/operator_graph.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
using cep::Op;
using Depths = std::vector<std::uint32_t>;

TEST_CASE("operator graph: levels count readers of alerts and features under another key") {
  PlanBuilder b;
  const cep::KeySpec card = b.key("card", {{"pay", "card", ""}});
  const cep::KeySpec device = b.key("device", {{"pay", "device", ""}});
  b.count("by_card", {b.kind("pay")}, card, 10);
  b.count("by_device", {b.kind("pay")}, device, 10);
  const auto at_least = [](cep::ExprPtr value) {
    return condition(Op::kGreaterEqual, {std::move(value), int_literal(1)});
  };
  b.count("same", {b.kind("pay")}, card, 10, at_least(b.read("by_card")));
  b.count("other", {b.kind("pay")}, card, 10, at_least(b.read("by_device")));
  b.rule("plain", card, {{b.kind("pay")}});
  b.rule("own", card, {{b.kind("pay")}}, at_least(b.read("same")));
  b.rule("deep", device, {{b.kind("pay")}}, at_least(b.read("other")));
  b.rule("argument", card, {{b.kind("pay")}},
         at_least(b.read("by_card", {b.field("card", {"pay"})})));
  b.alert_type("of deep", {"deep"});
  b.rule("reader", {}, {{b.kind("of deep")}});
  const cep::OperatorGraph graph(b.plan);
  const cep::OperatorGraph::Depths levels = graph.levels();
  CHECK(levels.features == Depths{0, 0, 0, 1});
  CHECK(levels.rules == Depths{0, 0, 2, 1, 3});
  CHECK(graph.cycle().empty());
  CHECK(graph.depends({true, 4}, {false, 1}));
  CHECK_FALSE(graph.depends({true, 4}, {false, 0}));
  std::vector<std::uint32_t> order;
  for (const cep::FeatureIndex feature : graph.features_in_order()) order.push_back(feature.value);
  CHECK(order == Depths{0, 1, 2, 3});
}

TEST_CASE("operator graph: a way round is told whole") {
  PlanBuilder b;
  const cep::KeySpec card = b.key("card", {{"pay", "card", ""}});
  b.count("f", {b.kind("pay")}, card, 10);
  b.count("g", {b.kind("pay")}, card, 10,
          condition(Op::kGreaterEqual, {b.read("f"), int_literal(1)}));
  b.plan.features[0].where = condition(Op::kGreaterEqual, {b.read("g"), int_literal(1)});
  CHECK(cep::OperatorGraph(b.plan).cycle() ==
        "feature `f` reads feature `g`, which reads feature `f`");
}

TEST_CASE("operator graph: keys and roles have their limits") {
  PlanBuilder b;
  const cep::KeySpec receiver = b.key("account", {{"transfer", "to_account", ""}});
  b.count("received", {b.kind("transfer")}, receiver, 100);
  cep::Rule& rule = b.rule("all", {}, {{b.kind("transfer")}});
  for (int i = 0; i < 32; ++i) {
    const cep::Type text = type_of(cep::TypeKind::kString);
    const cep::ExprPtr other =
        literal(text, cep::Value::string(std::string(1, 'a') + char('a' + i % 26)));
    PlanBuilder::show(
        rule, "",
        b.read("received",
               {operation(Op::kCoalesce, text,
                          std::vector<cep::ExprPtr>(static_cast<std::size_t>(i + 1), other))}));
  }
  CHECK(b.refusal() == "features of one key are read under 32 other keys; at most 31");
  PlanBuilder c;
  std::vector<PlanBuilder::Member> members;
  for (int i = 0; i < 13; ++i) members.push_back({"pay", "card", "r" + std::to_string(i)});
  c.rule("all", c.key("card", members), {{c.kind("pay")}});
  CHECK(c.refusal() == "rule `all`: 13 roles of one event type in `by`; at most 12");
}
}  // namespace tocsin::tests

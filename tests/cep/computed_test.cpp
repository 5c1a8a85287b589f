#include "cep/eval/computed.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "cep/plan/rule.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
namespace {
using cep::Op;
using cep::TypeKind;

void compute(PlanBuilder& b, const std::string& name, const cep::Type& type, cep::ExprPtr expr) {
  cep::Field field;
  field.name = name;
  field.type = type;
  field.computed = std::move(expr);
  b.plan.event_types[0].fields.push_back(field);
}
}  // namespace

TEST_CASE("computed fields: from fields before them, as key, condition and text") {
  PlanBuilder b;
  const cep::Type number = type_of(TypeKind::kInt);
  const cep::Type text = type_of(TypeKind::kString);
  compute(b, "twice", number,
          operation(Op::kMultiply, number, {b.field("amount", {"pay"}), int_literal(2)}));
  compute(b, "owner", text,
          operation(Op::kCoalesce, text, {b.field("device", {"pay"}), b.field("card", {"pay"})}));
  compute(b, "third", decimal_of(9),
          operation(Op::kDivide, type_of(TypeKind::kFraction),
                    {b.field("twice", {"pay"}), int_literal(3)}));
  compute(b, "unused", number, b.field("amount", {"pay"}));
  cep::Rule& rule =
      b.rule("all", b.key("owner", {{"pay", "owner", ""}}), {{b.kind("pay")}, {b.kind("pay")}},
             condition(Op::kGreaterEqual, {b.field("twice", {"pay"}), int_literal(4)}));
  PlanBuilder::show(rule, "", b.field("third", {"pay"}));
  rule.captured = {{cep::EventTypeIndex(0), {cep::FieldIndex(6)}}};
  CHECK(b.alerts({"pay 0 card=x amount=1", "pay 1 card=x amount=2", "pay 2 device=x amount=3",
                  "pay 3 device=x"}) ==
        Lines{"all@2 x: 2.000000000 [a=2 b=3]", "all@3 x: missing [a=2 b=4]"});
  const auto program = cep::compile(std::make_shared<const cep::Plan>(b.plan));
  REQUIRE(program.has_value());
  // What they read is decoded, they are not.
  CHECK(program->used_fields()[0] ==
        std::vector<bool>{true, true, true, true, true, false, false, false, false});
}

TEST_CASE("computed fields: no part of the identity; what does not fit is missing and counted") {
  PlanBuilder b;
  b.plan.event_types[0].id_field.reset();
  b.rule("all", {}, {{b.kind("pay")}});
  const std::vector<std::string> lines = {"pay 0 card=x amount=5000000000"};
  const Lines before = b.alerts(lines);
  compute(b, "square", type_of(TypeKind::kInt),
          operation(Op::kMultiply, type_of(TypeKind::kInt),
                    {b.field("amount", {"pay"}), b.field("amount", {"pay"})}));
  b.plan.rules[0].captured = {{cep::EventTypeIndex(0), {cep::FieldIndex(5)}}};
  CHECK(b.alerts(lines) == before);
  const auto program = cep::compile(std::make_shared<const cep::Plan>(b.plan));
  REQUIRE(program.has_value());
  cep::Batch batch(b.plan);
  const auto event = b.events(lines)[0];
  std::vector<cep::Value> fields;
  for (const cep::OwnedValue& value : event.fields) fields.push_back(value.view());
  batch.append(b.plan, event.type, event.ts, event.ts, {0, 0}, fields);
  CHECK(cep::fill_computed(*program, batch) == 1);
  CHECK(batch.value(b.plan, batch.rows[0], cep::FieldIndex(5)).is_missing());
}
}  // namespace tocsin::tests

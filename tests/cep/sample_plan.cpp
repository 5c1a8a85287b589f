#include "tests/cep/sample_plan.h"

#include <memory>
#include <utility>
#include <vector>

#include "cep/plan/feature.h"

namespace tocsin::cep {
Type type_of(TypeKind kind, std::uint8_t scale) { return {kind, scale, nullptr}; }

Expr expr_of(Op op, Type type, std::vector<ExprPtr> args) {
  Expr e;
  e.op = op;
  e.type = std::move(type);
  e.args = std::move(args);
  e.payload = payload_for(op);
  return e;
}
ExprPtr shared(Expr e) { return std::make_shared<const Expr>(std::move(e)); }
ExprPtr literal(const Value& value, Type type) {
  Expr e = expr_of(Op::kLiteral, std::move(type));
  e.payload = LiteralValue{OwnedValue(value)};
  return shared(e);
}
Expr amount() {
  Expr e = expr_of(Op::kField, type_of(TypeKind::kDecimal, 2));
  e.payload = FieldRead{{"amount", {{EventTypeIndex(0), FieldIndex(2)}}}};
  return e;
}
ExprPtr above(std::int64_t cents) {
  return shared(expr_of(
      Op::kGreater, type_of(TypeKind::kBool),
      {shared(amount()), literal(Value::decimal(cents, 2), type_of(TypeKind::kDecimal, 2))}));
}

Plan sample_plan() {
  Plan plan;
  EventType payment;
  payment.name = payment.json_type = "payment";
  for (const auto& [name, type] :
       std::vector<std::pair<const char*, Type>>{{"ts", type_of(TypeKind::kTime)},
                                                 {"card", type_of(TypeKind::kString)},
                                                 {"amount", type_of(TypeKind::kDecimal, 2)}}) {
    Field field;
    field.name = name;
    field.path = {name};
    field.type = type;
    payment.fields.push_back(field);
  }
  plan.event_types = {payment};
  const Subset any{EventTypeIndex(0), nullptr, "payment"};
  const KeySpec by_card{
      {{"card", type_of(TypeKind::kString), {{EventTypeIndex(0), FieldIndex(1), ""}}}}};

  Feature feature;
  feature.name = "spent";
  feature.aggregate = Aggregate::kSum;
  feature.argument = shared(amount());
  feature.type = type_of(TypeKind::kDecimal, 2);
  feature.events = {any};
  feature.where = above(100);
  feature.key = by_card;
  feature.window.range = LastWindow{Duration{600'000'000}};
  plan.features = {feature};

  Rule rule;
  rule.name = rule.id = "sample";
  rule.title = "A sample";
  rule.key = by_card;
  rule.variables = {{"small", true}, {"big", false}};
  Step small;
  small.events = {any};
  small.var = VarIndex(0);
  small.quantifier = {3, std::nullopt, LoopMode::kRelaxed, false, true};
  Step big;
  big.events = {any};
  big.var = VarIndex(1);
  big.where = above(20'000);
  Absence quiet;
  quiet.events = {any};
  quiet.absent_for = Duration{300'000'000};
  rule.pattern = {small, big, quiet};
  rule.pattern[1].contiguity = Contiguity::kFirst;
  rule.considered = {any};
  rule.within = Duration{600'000'000};
  rule.message = {{"Spent ", nullptr}, {"", shared(amount())}};
  rule.fields = {{"total", shared(amount())}};
  rule.captured = {{EventTypeIndex(0), {FieldIndex(2)}}};
  plan.rules = {rule};
  return plan;
}
Step& step_at(Plan& plan, std::size_t place) { return *plan.rules[0].pattern[place].step(); }
ExprPtr utc() { return literal(Value::string("UTC"), type_of(TypeKind::kString)); }
Subset any_payment() { return {EventTypeIndex(0), nullptr, "payment"}; }
Table sample_table() {
  Table table;
  table.name = "merchants";
  table.key_names = {"merchant"};
  table.key_types = {type_of(TypeKind::kString)};
  table.columns = {{"risk", type_of(TypeKind::kInt), false}, {"tags", {}, true}};
  table.rows = {{{OwnedValue(Value::string("m1"))},
                 {OwnedValue(Value::integer(3)), OwnedValue()},
                 {{}, {"one", "two"}}}};
  return table;
}
LastWindow& last_window(Plan& plan) { return *plan.features[0].window.as<LastWindow>(); }
ClosingWindow sample_window() {
  return {SessionSpan{Duration{1'000'000}}, {any_payment()}, VarIndex(0), nullptr};
}
void close_window(Plan& plan) {
  Rule& rule = plan.rules[0];
  rule.pattern.clear();
  rule.variables = {{"small", true}};
  rule.within.reset();
  rule.window = sample_window();
}
EventType alert_type() {
  EventType type;
  type.name = "sample";
  type.alert_of = RuleIndex(0);
  for (const auto& [name, field_type] :
       std::vector<std::pair<const char*, Type>>{{"ts", type_of(TypeKind::kTime)},
                                                 {"card", type_of(TypeKind::kString)},
                                                 {"score", type_of(TypeKind::kInt)},
                                                 {"severity", severity_type()},
                                                 {"total", type_of(TypeKind::kDecimal, 2)}}) {
    Field field;
    field.name = name;
    field.type = field_type;
    type.fields.push_back(field);
  }
  return type;
}
ExprPtr list_search(Op op) { return shared(expr_of(op, type_of(TypeKind::kBool), {utc()})); }
}  // namespace tocsin::cep

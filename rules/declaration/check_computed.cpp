#include "rules/declaration/check_computed.h"

#include <fmt/format.h>

#include <utility>

#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"

namespace tocsin::rules {
using cep::TypeKind;

namespace {
// The first field that an expression reads and that is computed at place `limit` or below it.
const cep::FieldRef* field_below(const cep::Expr& expr, cep::EventTypeIndex type,
                                 const cep::EventType& event, std::size_t limit,
                                 const EventSymbol& symbol) {
  if (expr.op == cep::Op::kField) {
    const auto field = field_of(expr)->in(type);
    const bool is_computed =
        field && symbol.fields.find(event.fields[field->value].name)->second.tree->computed;
    if (is_computed && field->value >= limit) return field_of(expr);
  }
  for (const cep::ExprPtr& arg : expr.args) {
    if (!arg) continue;
    if (const auto* found = field_below(*arg, type, event, limit, symbol)) return found;
  }
  return nullptr;
}

// The expression as a value of the declared type; absent where it is none.
cep::ExprPtr fitted(const cep::ExprPtr& expr, const cep::Type& type) {
  if (expr->type == type) return expr;
  if (expr->type.kind == TypeKind::kFraction && type.kind == TypeKind::kDecimal &&
      type.scale == cep::kScaleMax) {
    // A quotient is kept as decimal(9), rounded half even.
    auto rounded = std::make_shared<cep::Expr>();
    rounded->op = cep::Op::kCall;
    rounded->payload = cep::FunctionCall{cep::Function::kRound, {}};
    rounded->type = type;
    rounded->args = {expr,
                     literal_expr(plain_type(TypeKind::kInt), cep::Value::integer(cep::kScaleMax))};
    return rounded;
  }
  if (type.kind == TypeKind::kFraction) return nullptr;
  const std::optional<cep::Type> common = common_type(expr->type, type);
  if (!common || !(*common == type)) return nullptr;
  return widened(expr, type);
}

void check_field(CheckContext& context, const tree::Field& tree, cep::EventTypeIndex type,
                 cep::FieldIndex index) {
  ExprScope scope;
  scope.place = Place::kComputed;
  scope.types = {type};
  scope.types_broken = context.event_symbol(type).broken;
  const cep::Type declared = context.event_type(type).fields[index.value].type;
  const bool words = declared.kind == TypeKind::kEnum;
  const Checked value = check_expr({context, scope}, *tree.computed, words ? &declared : nullptr);
  if (!value) return;
  const cep::EventType& event = context.event_type(type);
  if (const cep::FieldRef* other =
          field_below(*value.expr, type, event, index.value, context.event_symbol(type))) {
    const bool itself = other->name == tree.name.text;
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0228, tree.computed->span,
        itself ? fmt::format("the computed field {} reads itself", in_code(tree.name.text))
               : fmt::format("the computed field {} reads {}, which is computed after it",
                             in_code(tree.name.text), in_code(other->name)));
    if (!itself) {
      const auto below = context.event_symbol(type).fields.find(other->name);
      diagnostic.labels.push_back({below->second.tree->name.span, "computed here"});
      diagnostic.helps.push_back("write the field that is read above the one that reads it");
    }
    context.sink.report(std::move(diagnostic));
    return;
  }
  cep::ExprPtr computed = fitted(value.expr, declared);
  if (!computed) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0309, value.span,
                        fmt::format("{} is {}: {} does not fit", in_code(tree.name.text),
                                    type_text(declared), type_text(value.type())));
    diagnostic.labels.push_back({tree.type.span, "its type is declared here"});
    if (declared.kind == TypeKind::kDecimal && is_exact_number(value.type())) {
      diagnostic.helps.push_back(
          fmt::format("round it: `round(…, {})`", static_cast<int>(declared.scale)));
    }
    context.sink.report(std::move(diagnostic));
    return;
  }
  cep::Field& field = context.plan.event_types[type.value].fields[index.value];
  field.computed = std::move(computed);
  field.path.clear();
}

void report_modifiers(CheckContext& context, const tree::Field& tree) {
  for (const tree::Modifier& modifier : tree.modifiers) {
    const bool outside =
        modifier.kind == tree::ModifierKind::kFrom || modifier.kind == tree::ModifierKind::kId ||
        modifier.kind == tree::ModifierKind::kUnique || modifier.kind == tree::ModifierKind::kKey ||
        modifier.kind == tree::ModifierKind::kUpToLate;
    if (!outside) continue;
    context.sink.report(make_diagnostic(
        Code::kE0217, modifier.span,
        fmt::format("{} is computed: it is not read from the event", in_code(tree.name.text))));
  }
}
}  // namespace

void check_computed_fields(CheckContext& context, const std::vector<const tree::Event*>& events) {
  for (const tree::Event* event : events) {
    const auto kind = context.names.kinds.find(event->name.text);
    if (kind == context.names.kinds.end() || kind->second.name != &event->name) continue;
    if (!kind->second.event) continue;
    const cep::EventTypeIndex type = *kind->second.event;
    for (const tree::Field& field : event->fields) {
      if (!field.computed) continue;
      const auto symbol = context.event_symbol(type).fields.find(field.name.text);
      if (symbol == context.event_symbol(type).fields.end() || symbol->second.tree != &field) {
        continue;
      }
      report_modifiers(context, field);
      if (symbol->second.index == context.event_type(type).time_field) {
        context.sink.report(make_diagnostic(Code::kE0217, field.computed->span,
                                            "the event time cannot be computed"));
        continue;
      }
      if (!symbol->second.broken) check_field(context, field, type, symbol->second.index);
    }
  }
}
}  // namespace tocsin::rules

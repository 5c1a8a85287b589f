#include "tests/support/plan_parts.h"

#include <algorithm>
#include <memory>

namespace tocsin::tests {
using cep::ExprPtr;
using cep::Op;
using cep::Type;
using cep::TypeKind;
using cep::Value;

Type type_of(TypeKind kind) {
  Type type;
  type.kind = kind;
  return type;
}
Type decimal_of(int scale) {
  Type type = type_of(TypeKind::kDecimal);
  type.scale = static_cast<std::uint8_t>(scale);
  return type;
}
Type enum_of(std::vector<std::string> words) {
  Type type = type_of(TypeKind::kEnum);
  type.words = std::make_shared<const std::vector<std::string>>(std::move(words));
  return type;
}

cep::Field field_of(const std::string& name, const cep::Type& type) {
  cep::Field field;
  field.name = name;
  field.path = {name};
  field.type = type;
  return field;
}

ExprPtr literal(const Type& type, const Value& value) {
  auto expr = std::make_shared<cep::Expr>();
  expr->op = Op::kLiteral;
  expr->type = type;
  expr->payload = cep::LiteralValue{cep::OwnedValue(value)};
  return expr;
}
ExprPtr int_literal(std::int64_t n) { return literal(type_of(TypeKind::kInt), Value::integer(n)); }
ExprPtr operation(Op op, const Type& type, std::vector<ExprPtr> args) {
  auto expr = std::make_shared<cep::Expr>();
  expr->op = op;
  expr->type = type;
  expr->args = std::move(args);
  return expr;
}
ExprPtr condition(Op op, std::vector<ExprPtr> args) {
  return operation(op, type_of(TypeKind::kBool), std::move(args));
}
ExprPtr all_of(const std::vector<ExprPtr>& conditions) {
  std::vector<ExprPtr> flat;
  for (const ExprPtr& part : conditions) {
    if (part && part->op == Op::kAnd) {
      flat.insert(flat.end(), part->args.begin(), part->args.end());
    } else if (part) {
      flat.push_back(part);
    }
  }
  if (flat.empty()) return nullptr;
  if (flat.size() == 1) return flat.front();
  return condition(Op::kAnd, std::move(flat));
}

std::optional<std::pair<cep::FieldRef, Type>> find_field(
    const cep::Plan& plan, const std::vector<cep::EventTypeIndex>& types, std::string_view name) {
  cep::FieldRef ref;
  ref.name = name;
  std::optional<Type> found;
  for (const cep::EventTypeIndex type : types) {
    const std::vector<cep::Field>& fields = plan.event_types[type.value].fields;
    const auto field = std::find_if(fields.begin(), fields.end(),
                                    [&](const cep::Field& f) { return f.name == name; });
    if (field == fields.end() || (found && !(*found == field->type))) return std::nullopt;
    found = field->type;
    ref.by_type.emplace_back(type, static_cast<std::size_t>(field - fields.begin()));
  }
  if (!found) return std::nullopt;
  return std::make_pair(ref, *found);
}

ExprPtr field_read(const std::pair<cep::FieldRef, Type>& found) {
  auto expr = std::make_shared<cep::Expr>();
  expr->op = Op::kField;
  expr->type = found.second;
  expr->payload = cep::FieldRead{found.first};
  return expr;
}

std::optional<std::pair<cep::FieldRef, Type>> find_key_field(
    const cep::Plan& plan, const std::vector<cep::EventTypeIndex>& types, std::string_view name) {
  if (name != kDeclaredKey) return find_field(plan, types, name);
  std::optional<std::pair<cep::FieldRef, Type>> all;
  for (const cep::EventTypeIndex type : types) {
    const cep::EventType& event = plan.event_types[type.value];
    const char* field = event.is_alert() ? kDeclaredKey : event.name == "login" ? "device" : "card";
    const auto found = find_field(plan, {type}, field);
    if (!found || (all && !(all->second == found->second))) return std::nullopt;
    if (!all) all = {{std::string(name), {}}, found->second};
    all->first.by_type.push_back(found->first.by_type.front());
  }
  return all;
}

std::vector<cep::EventTypeIndex> types_of(const std::vector<cep::Subset>& subsets) {
  std::vector<cep::EventTypeIndex> types;
  for (const cep::Subset& subset : subsets) types.push_back(subset.type);
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  return types;
}
}  // namespace tocsin::tests

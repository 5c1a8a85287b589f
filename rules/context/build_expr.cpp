#include "rules/context/build_expr.h"

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "rules/context/types.h"

namespace tocsin::rules {
using cep::Expr;
using cep::ExprPtr;
using cep::Op;
using cep::Type;
using cep::TypeKind;
using cep::Value;

ExprPtr literal_expr(const Type& type, const Value& value) {
  auto expr = std::make_shared<Expr>();
  expr->op = Op::kLiteral;
  expr->type = type;
  expr->payload = cep::LiteralValue{cep::OwnedValue(value)};
  return expr;
}

ExprPtr operator_expr(Op op, const Type& type, std::vector<ExprPtr> args) {
  auto expr = std::make_shared<Expr>();
  expr->op = op;
  expr->type = type;
  expr->args = std::move(args);
  return expr;
}

std::optional<std::int64_t> word_of(const Type& words, std::string_view word) {
  const auto found = std::ranges::find(*words.words, word);
  if (found == words.words->end()) return std::nullopt;
  return found - words.words->begin();
}

ExprPtr word_expr(const Type& words, std::string_view word) {
  const std::optional<std::int64_t> ordinal = word_of(words, word);
  TOCSIN_ASSERT(ordinal.has_value(), "the caller has found the word");
  return literal_expr(words, Value::enumerated(*ordinal, word));
}

ExprPtr field_expr(const Type& type, cep::FieldRef field) {
  auto expr = std::make_shared<Expr>();
  expr->op = Op::kField;
  expr->type = type;
  expr->payload = cep::FieldRead{std::move(field)};
  return expr;
}

ExprPtr conjunction(std::vector<ExprPtr> conditions) {
  std::vector<ExprPtr> flat;
  for (ExprPtr& condition : conditions) {
    if (!condition) continue;
    if (condition->op == Op::kAnd) {
      flat.insert(flat.end(), condition->args.begin(), condition->args.end());
    } else {
      flat.push_back(std::move(condition));
    }
  }
  if (flat.empty()) return nullptr;
  if (flat.size() == 1) return flat.front();
  return operator_expr(Op::kAnd, plain_type(TypeKind::kBool), std::move(flat));
}

ExprPtr widened(ExprPtr expr, const Type& type) {
  if (expr->type == type) return expr;
  const bool literal = expr->op == Op::kLiteral;
  switch (type.kind) {
    case TypeKind::kFloat:
      if (literal) return literal_expr(type, cep::to_float(literal_of(*expr)));
      return operator_expr(Op::kToFloat, type, {std::move(expr)});
    case TypeKind::kDecimal: {
      // Adding 0 at that scale is exact, and says so in every evaluator.
      const Value zero = Value::decimal(0, type.scale);
      if (literal) {
        const Value value = cep::add(literal_of(*expr), zero);
        if (!value.is_missing()) return literal_expr(type, value);
      }
      return operator_expr(Op::kAdd, type, {std::move(expr), literal_expr(type, zero)});
    }
    case TypeKind::kFraction:
      return operator_expr(
          Op::kDivide, type,
          {std::move(expr), literal_expr(plain_type(TypeKind::kInt), Value::integer(1))});
    default:
      return expr;
  }
}

ExprPtr negated(ExprPtr expr) {
  if (expr->op == Op::kLiteral) {
    const Value value = cep::negate(literal_of(*expr));
    if (!value.is_missing()) return literal_expr(expr->type, value);
  }
  const Type type = expr->type;
  return operator_expr(Op::kNegate, type, {std::move(expr)});
}
}  // namespace tocsin::rules

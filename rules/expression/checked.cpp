#include "rules/expression/checked.h"

#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/context/types.h"

namespace tocsin::rules {
cep::ExprPtr Condition::expr() const {
  std::vector<cep::ExprPtr> parts;
  for (const Conjunct& conjunct : conjuncts) parts.push_back(conjunct.expr);
  return conjunction(std::move(parts));
}

Checked checked(const tree::Expr& expr, cep::ExprPtr result) {
  return {std::move(result), expr.span, std::nullopt};
}

Checked error_type(const ExprContext& c, const tree::Expr& expr) {
  c.context.has_error_type = true;
  return {nullptr, expr.span, std::nullopt};
}

bool is_text(const cep::Type& type) {
  return type.kind == cep::TypeKind::kString || type.kind == cep::TypeKind::kEnum;
}

std::string type_text(const cep::Type& type) {
  return type.kind == cep::TypeKind::kFraction ? "a quotient" : in_code(cep::type_name(type));
}

std::string type_label(const CheckContext& context, const Checked& checked) {
  std::string text = type_text(checked.type());
  if (checked.declared) text += ", from " + place_text(context.sources, *checked.declared);
  return text;
}
}  // namespace tocsin::rules

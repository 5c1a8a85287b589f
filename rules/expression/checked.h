/// What expressions are checked in, and what comes out.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cep/plan/expr.h"
#include "rules/context/check_context.h"
#include "rules/context/scope.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// What the rules declare, and what an expression at its place may name. Both outlive it.
struct ExprContext {
  CheckContext& context;
  const ExprScope& scope;
};
/// A checked expression. Without `expr` it has ErrorType: a mistake in it has been reported, and
/// nothing that follows from it is.
struct Checked {
  cep::ExprPtr expr;
  SourceSpan span;
  std::optional<SourceSpan> declared;  // where the name that stands here got its type

  explicit operator bool() const { return expr != nullptr; }
  const cep::Type& type() const { return expr->type; }
};
/// A condition as its top-level conjuncts. `broken`: part of it is missing, reported.
struct Condition {
  std::vector<Conjunct> conjuncts;
  bool broken = false;
  /// All of it; absent where nothing is asked.
  cep::ExprPtr expr() const;
};

/// `result` as what `expr` means.
Checked checked(const tree::Expr& expr, cep::ExprPtr result);
/// ErrorType in the place of `expr`; the mistake is reported.
Checked error_type(const ExprContext& c, const tree::Expr& expr);
/// Text, or a word of an enum, which serves as text.
bool is_text(const cep::Type& type);
/// The type as a message names it: in back-ticks, a quotient said to be one.
std::string type_text(const cep::Type& type);
/// "`decimal(2)`, from schema.tocsin:3".
std::string type_label(const CheckContext& context, const Checked& checked);
}  // namespace tocsin::rules

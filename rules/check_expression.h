/// Expressions: names resolved, types checked, widenings written out, and the result as the plan
/// holds it.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/expr.h"
#include "rules/check_context.h"
#include "rules/scope.h"
#include "rules/tree.h"

namespace tocsin::rules {
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

class ExpressionChecker {
 public:
  /// Both outlive the checker.
  ExpressionChecker(CheckContext& context, const ExprScope& scope)
      : context_(context), scope_(scope) {}
  /// `words`: the enum whose words are looked up before names, where one is expected.
  Checked check(const tree::Expr& expr, const cep::Type* words = nullptr);
  Condition check_condition(const tree::Expr& expr);

 private:
  using Operands = std::pair<Checked, Checked>;

  // check_expression.cpp: operators
  void add_conjuncts(const tree::Expr& expr, Condition& condition);
  Checked check_bool(const tree::Expr& expr);
  Checked check_logic(const tree::Expr& expr, cep::Op op);
  Checked check_arithmetic(const tree::Expr& expr, cep::Op op);
  Checked check_negation(const tree::Expr& expr);
  Checked check_comparison(const tree::Expr& expr, cep::Op op);
  Checked check_between(const tree::Expr& expr);
  Checked check_presence(const tree::Expr& expr, cep::Op op);
  Checked check_if(const tree::Expr& expr, const cep::Type* words);
  Checked check_call(const tree::Expr& expr, const cep::Type* words);
  Checked check_common(const tree::Expr& expr, cep::Op op, std::vector<cep::ExprPtr> first,
                       const std::vector<Checked>& branches);
  // Two operands of which one may be a word of the other's enum.
  Operands check_operands(const tree::Expr& a, const tree::Expr& b);
  std::vector<Checked> check_together(const std::vector<const tree::Expr*>& exprs,
                                      const cep::Type* words);
  // The enum type of an operand, found without reporting; nothing where it has another type.
  std::optional<cep::Type> peek_enum(const tree::Expr& expr) const;
  void report_types(Code code, std::string message, SourceSpan at, const Checked& a,
                    const Checked& b);

  // check_name.cpp: names, members, literals
  Checked check_literal(const tree::Expr& expr, const cep::Type* words);
  Checked check_name(const tree::Expr& expr, const cep::Type* words);
  std::optional<Checked> find_word(const tree::Expr& expr, const std::string& text,
                                   const cep::Type& words);
  std::optional<Checked> find_key(const tree::Name& name, SourceSpan span) const;
  Checked check_value_symbol(const tree::Expr& expr, ValueSymbol& symbol, const cep::Type* words);
  Checked check_member(const tree::Expr& expr);
  Checked check_prev(const tree::Expr& expr);
  Checked check_step_field(const tree::Expr& expr, std::size_t step);
  Checked check_loop_event(const tree::Expr& expr, std::size_t step, cep::Which which);
  Checked field_of(const tree::Expr& expr, const EventTypes& types, bool types_broken, cep::Op op);
  Checked read_feature(const tree::Expr& expr, const ValueSymbol& symbol);
  void report_unknown_name(const tree::Expr& expr, const cep::Type* words);
  void report_unknown_step(const tree::Name& name);
  bool report_if_later(std::size_t step, SourceSpan span);
  void warn_hidden(const tree::Name& name, const FieldLookup& field);
  std::optional<std::size_t> find_step(const tree::Expr& expr) const;
  // A bare name that means a step and nothing else here.
  std::optional<std::size_t> find_step_alone(const tree::Expr& expr) const;
  Checked check_step_presence(const tree::Expr& expr, std::size_t step, bool known);

  // check_membership.cpp: `in`
  Checked check_in(const tree::Expr& expr);
  Checked check_in_written_list(const tree::Expr& expr);
  Checked check_in_const_list(const tree::Expr& expr, const ValueSymbol& symbol);
  Checked check_in_list(const tree::Expr& expr, ValueSymbol& symbol);
  Checked check_in_values(const tree::Expr& expr, const std::vector<Checked>& values,
                          const Checked& left);
  Checked check_in_loop(const tree::Expr& expr, std::size_t step);
  void report_no_list(const tree::Expr& right);

  // check_aggregate.cpp
  Checked check_aggregate(const tree::Expr& expr);
  Checked check_loop_aggregate(const tree::Expr& expr, std::size_t step);
  Checked check_unnamed_feature(const tree::Expr& expr);
  std::optional<std::size_t> find_loop(const tree::AggregateCall& call) const;
  void report_without_window(const tree::Expr& expr);

  Checked checked(const tree::Expr& expr, cep::ExprPtr result) const {
    return {std::move(result), expr.span, std::nullopt};
  }
  // ErrorType; the mistake is reported.
  Checked error(const tree::Expr& expr) const {
    context_.has_error_type = true;
    return {nullptr, expr.span, std::nullopt};
  }

  CheckContext& context_;
  const ExprScope& scope_;
};

/// The type as a message names it: in back-ticks, a quotient said to be one.
std::string type_text(const cep::Type& type);
/// "`decimal(2)`, from schema.tocsin:3".
std::string type_label(const CheckContext& context, const Checked& checked);
}  // namespace tocsin::rules

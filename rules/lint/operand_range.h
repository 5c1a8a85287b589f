/// What is certain of an operand's value before any condition is asked: which operands are one
/// value, and between which bounds it lies.
#pragma once
#include <optional>
#include <string>
#include <utility>

#include "cep/plan/expr.h"
#include "rules/context/check_context.h"
#include "rules/context/scope.h"

namespace tocsin::rules {
/// A text that is equal for operands that are the same value wherever the condition is asked: a
/// field of the rule's key is one value in all events of a match. Widenings say nothing.
std::string operand_text(const CheckContext& context, const ExprScope& scope,
                         const cep::Expr& operand);
/// Whether the operand is a part of the rule's key.
bool is_key_part(const ExprScope& scope, const cep::Expr& operand);

/// Whether `extreme` is the largest (smallest) of the values of `value`, this event's among them.
bool is_extreme_with_this_event(const CheckContext& context, const ExprScope& scope,
                                const cep::Expr& value, const cep::Expr& extreme, bool largest);
/// Whether the operand has a value that more than one condition may be about.
bool is_operand(const cep::Expr& expr);
/// `0.9 * x` as its factor and x's text; 1 for x itself. Nothing for other expressions.
std::optional<std::pair<cep::Value, std::string>> multiple_of(const CheckContext& context,
                                                              const ExprScope& scope,
                                                              const cep::Expr& operand);
/// Whether `sum` is `value` and something that is certainly 0 or more.
bool is_value_and_more(const CheckContext& context, const ExprScope& scope, const cep::Expr& value,
                       const cep::Expr& sum);
/// Bounds of a value; absent where there is none.
struct OperandRange {
  std::optional<cep::OwnedValue> low;
  std::optional<cep::OwnedValue> high;
  bool high_is_open = false;
  std::string why;  // for the author
};
OperandRange range_of(const CheckContext& context, const ExprScope& scope,
                      const cep::Expr& operand);
/// The operand without the widening that the checker wrote around it.
const cep::Expr& without_widening(const cep::Expr& expr);
}  // namespace tocsin::rules

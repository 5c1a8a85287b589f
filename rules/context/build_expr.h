/// Expressions of the plan, built in their canonical form: equal conditions give equal trees.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "cep/plan/expr.h"

namespace tocsin::rules {
cep::ExprPtr literal_expr(const cep::Type& type, const cep::Value& value);
cep::ExprPtr operator_expr(cep::Op op, const cep::Type& type, std::vector<cep::ExprPtr> args);
/// The ordinal of a word in an enum; nothing where it has no such word.
std::optional<std::int64_t> word_of(const cep::Type& words, std::string_view word);
/// The literal of a word that the enum has.
cep::ExprPtr word_expr(const cep::Type& words, std::string_view word);
/// The field of the current event.
cep::ExprPtr field_expr(const cep::Type& type, cep::FieldRef field);
/// All of them, one `and` without `and`s directly inside it; absent for none.
cep::ExprPtr conjunction(std::vector<cep::ExprPtr> conditions);
/// The same value as `type`, which its own type widens to: an int or decimal at a larger scale, an
/// exact number as a fraction or a float. Literals are converted here, all else by an operator.
cep::ExprPtr widened(cep::ExprPtr expr, const cep::Type& type);
/// -expr; a literal's negation is a literal. `expr` is a number or a duration.
cep::ExprPtr negated(cep::ExprPtr expr);
}  // namespace tocsin::rules

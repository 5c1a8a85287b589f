/// The typing of operators: what they take, what they give, and how their operands widen
/// (int to decimal, exact numbers to float; an int or decimal divided is an exact fraction).
#pragma once
#include <cstdint>
#include <optional>

#include "cep/plan/expr.h"
#include "cep/value/value.h"

namespace tocsin::rules {
/// A type without a scale or words.
cep::Type plain_type(cep::TypeKind kind);
cep::Type decimal_type(int scale);
/// The type of a value that is not missing; an enum's is `enum_type`.
cep::Type type_of_value(const cep::Value& value);

/// int, decimal, or the fraction that `/` gives.
bool is_exact_number(const cep::Type& type);
/// An exact number or a float.
bool is_number(const cep::Type& type);
/// Types whose values `<` and its like order; all but bool.
bool is_ordered(const cep::Type& type);

enum class TypingProblem : std::uint8_t {
  kNone,
  kUndefined,  // the operator does not take these types
  kScale,      // the result would need more than kScaleMax digits after the point: `scale` of them
};
struct Typing {
  TypingProblem problem = TypingProblem::kNone;
  cep::Type type;
  bool as_floats = false;  // the exact operand widens to float first
  int scale = 0;
};
/// `a op b` for kAdd, kSubtract, kMultiply, kDivide and kModulo.
Typing type_arithmetic(cep::Op op, const cep::Type& a, const cep::Type& b);
/// `a op b` for the comparisons, kBetween and kIn (which compare like kLessEqual and kEqual); a
/// bool.
Typing type_comparison(cep::Op op, const cep::Type& a, const cep::Type& b);
/// The one type of two branches of `if` or two operands of `coalesce`; nothing where they have none
/// in common.
std::optional<cep::Type> common_type(const cep::Type& a, const cep::Type& b);
}  // namespace tocsin::rules

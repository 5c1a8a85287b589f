#include "rules/context/types.h"

#include <algorithm>

#include "cep/base/assert.h"

namespace tocsin::rules {
using cep::Op;
using cep::Type;
using cep::TypeKind;

namespace {
bool is(const Type& type, TypeKind kind) { return type.kind == kind; }

Typing gives(Type type, bool as_floats = false) {
  Typing typing;
  typing.type = std::move(type);
  typing.as_floats = as_floats;
  return typing;
}
Typing undefined() {
  Typing typing;
  typing.problem = TypingProblem::kUndefined;
  return typing;
}
Typing decimal_of(int scale) {
  if (scale <= cep::kScaleMax) return gives(decimal_type(scale));
  Typing typing;
  typing.problem = TypingProblem::kScale;
  typing.scale = scale;
  return typing;
}

// Both are numbers.
Typing type_of_numbers(Op op, const Type& a, const Type& b) {
  if (is(a, TypeKind::kFloat) || is(b, TypeKind::kFloat)) {
    return op == Op::kModulo ? undefined()
                             : gives(plain_type(TypeKind::kFloat), !(a.kind == b.kind));
  }
  const bool both_int = is(a, TypeKind::kInt) && is(b, TypeKind::kInt);
  if (op == Op::kModulo && (is(a, TypeKind::kFraction) || is(b, TypeKind::kFraction))) {
    return undefined();
  }
  if (op == Op::kDivide || is(a, TypeKind::kFraction) || is(b, TypeKind::kFraction)) {
    return gives(plain_type(TypeKind::kFraction));
  }
  if (both_int) return gives(plain_type(TypeKind::kInt));
  return decimal_of(op == Op::kMultiply ? a.scale + b.scale : std::max(a.scale, b.scale));
}
}  // namespace

Type plain_type(TypeKind kind) {
  Type type;
  type.kind = kind;
  return type;
}
Type decimal_type(int scale) {
  Type type;
  type.kind = TypeKind::kDecimal;
  type.scale = static_cast<std::uint8_t>(scale);
  return type;
}

Type type_of_value(const cep::Value& value) {
  switch (value.kind) {
    case cep::ValueKind::kBool:
      return plain_type(TypeKind::kBool);
    case cep::ValueKind::kInt:
      return plain_type(TypeKind::kInt);
    case cep::ValueKind::kDecimal:
      return decimal_type(value.scale);
    case cep::ValueKind::kFraction:
      return plain_type(TypeKind::kFraction);
    case cep::ValueKind::kFloat:
      return plain_type(TypeKind::kFloat);
    case cep::ValueKind::kString:
      return plain_type(TypeKind::kString);
    case cep::ValueKind::kTime:
      return plain_type(TypeKind::kTime);
    case cep::ValueKind::kDate:
      return plain_type(TypeKind::kDate);
    case cep::ValueKind::kDuration:
      return plain_type(TypeKind::kDuration);
    case cep::ValueKind::kMissing:
    case cep::ValueKind::kEnum:
      break;
  }
  TOCSIN_ASSERT(false, "a literal is neither missing nor a word without its enum");
  return {};
}

bool is_exact_number(const Type& type) {
  return is(type, TypeKind::kInt) || is(type, TypeKind::kDecimal) || is(type, TypeKind::kFraction);
}
bool is_number(const Type& type) { return is_exact_number(type) || is(type, TypeKind::kFloat); }
bool is_ordered(const Type& type) { return !is(type, TypeKind::kBool); }

Typing type_arithmetic(Op op, const Type& a, const Type& b) {
  if (is_number(a) && is_number(b)) return type_of_numbers(op, a, b);
  const bool time_a = is(a, TypeKind::kTime);
  const bool time_b = is(b, TypeKind::kTime);
  const bool duration_a = is(a, TypeKind::kDuration);
  const bool duration_b = is(b, TypeKind::kDuration);
  switch (op) {
    case Op::kAdd:
      if ((time_a && duration_b) || (duration_a && time_b))
        return gives(plain_type(TypeKind::kTime));
      if (duration_a && duration_b) return gives(plain_type(TypeKind::kDuration));
      return undefined();
    case Op::kSubtract:
      if (time_a && duration_b) return gives(plain_type(TypeKind::kTime));
      if ((is(a, TypeKind::kDate) && is(b, TypeKind::kDate)) || (time_a && time_b) ||
          (duration_a && duration_b)) {
        return gives(plain_type(TypeKind::kDuration));
      }
      return undefined();
    case Op::kMultiply:
      if ((duration_a && is_number(b)) || (is_number(a) && duration_b)) {
        return gives(plain_type(TypeKind::kDuration));
      }
      return undefined();
    case Op::kDivide:
      return duration_a && duration_b ? gives(plain_type(TypeKind::kFloat)) : undefined();
    default:
      return undefined();
  }
}

Typing type_comparison(Op op, const Type& a, const Type& b) {
  const Type answer = plain_type(TypeKind::kBool);
  if (is_number(a) && is_number(b)) {
    return gives(answer, is(a, TypeKind::kFloat) != is(b, TypeKind::kFloat));
  }
  const bool same = is(a, TypeKind::kEnum) ? a == b : a.kind == b.kind;
  const bool needs_order = op != Op::kEqual && op != Op::kNotEqual && op != Op::kIn;
  return same && (!needs_order || is_ordered(a)) ? gives(answer) : undefined();
}

std::optional<Type> common_type(const Type& a, const Type& b) {
  if (a == b) return a;
  if (!is_number(a) || !is_number(b)) return std::nullopt;
  if (is(a, TypeKind::kFloat) || is(b, TypeKind::kFloat)) return plain_type(TypeKind::kFloat);
  if (is(a, TypeKind::kFraction) || is(b, TypeKind::kFraction))
    return plain_type(TypeKind::kFraction);
  return decimal_type(std::max(a.scale, b.scale));
}
}  // namespace tocsin::rules

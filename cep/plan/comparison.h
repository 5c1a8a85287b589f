/// Comparisons of an order: `==`, `!=`, `<`, `<=`, `>`, `>=`.
#pragma once
#include "cep/plan/expr.h"
#include "cep/value/value.h"

namespace tocsin::cep {
constexpr bool is_comparison(Op op) {
  return op == Op::kEqual || op == Op::kNotEqual || op == Op::kLess || op == Op::kLessEqual ||
         op == Op::kGreater || op == Op::kGreaterEqual;
}

/// The comparison that says the same with its sides exchanged.
constexpr Op mirrored(Op op) {
  switch (op) {
    case Op::kLess:
      return Op::kGreater;
    case Op::kLessEqual:
      return Op::kGreaterEqual;
    case Op::kGreater:
      return Op::kLess;
    case Op::kGreaterEqual:
      return Op::kLessEqual;
    default:
      return op;
  }
}

/// Whether a comparison is true of two values that stand in this order, which is known.
constexpr bool holds(Op op, Ordering order) {
  switch (op) {
    case Op::kEqual:
      return order == Ordering::kEqual;
    case Op::kNotEqual:
      return order != Ordering::kEqual;
    case Op::kLess:
      return order == Ordering::kLess;
    case Op::kLessEqual:
      return order != Ordering::kGreater;
    case Op::kGreater:
      return order == Ordering::kGreater;
    default:
      return order != Ordering::kLess;
  }
}
}  // namespace tocsin::cep

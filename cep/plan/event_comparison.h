/// Comparisons of what several events say.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/value/int128.h"
#include "cep/value/value.h"

namespace tocsin::cep {
constexpr bool is_arithmetic(Op op) {
  return op == Op::kAdd || op == Op::kSubtract || op == Op::kMultiply || op == Op::kDivide ||
         op == Op::kNegate;
}

/// An int, a decimal, a time or a duration. The factor brings it to the scale of a sum.
struct SumPart {
  const Expr* expr = nullptr;
  std::int64_t factor = 1;
};
/// So many parts, of 64 bits, with factors up to this one stay within 128 bits.
inline constexpr std::size_t kSumPartsMax = 8;
inline constexpr std::int64_t kSumFactorMax = std::int64_t{1} << 59;

/// `the parts and the constant, added up, op 0`.
struct SumComparison {
  std::vector<SumPart> parts;
  Int128 constant = 0;
  int scale = 0;
  Op op = Op::kLess;
};
/// What `times_left * left op right` implies where its sides add up parts that `is_part` is true
/// of: absent where they do something else. The condition says more than that in one way: what it
/// adds up on the way must not leave 64 bits, or the range of times. That cannot be where the
/// parts' magnitudes add up to 2^62 at most.
std::optional<SumComparison> sum_comparison(Op op, int times_left, const Expr& left,
                                            const Expr& right,
                                            const std::function<bool(const Expr&)>& is_part);

/// What a comparison reads of one of two events: an expression, or a sum.
struct ComparedSide {
  const Expr* plain = nullptr;  // the expression; null: it is the sum
  std::vector<SumPart> parts;
  Int128 constant = 0;
  ValueKind kind = ValueKind::kInt;  // of the sum as a value
  std::uint8_t scale = 0;            // kDecimal
};
/// `own op earlier`, of an event and an earlier one.
struct EventComparison {
  ComparedSide earlier;
  ComparedSide own;
  Op op = Op::kLess;
};
/// sum_comparison() of what reads either event, as a side of each: `amount + a.amount > 900` as
/// `900 - amount < a.amount`. `op` is ordered; `is_earlier` is true of expressions that read the
/// earlier event alone, or nothing. Absent where none does.
std::optional<EventComparison> compared_sums(Op op, int times_left, const Expr& left,
                                             const Expr& right,
                                             const std::function<bool(const Expr&)>& is_earlier);
}  // namespace tocsin::cep

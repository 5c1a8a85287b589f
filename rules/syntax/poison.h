/// Expressions that a mistake behind them has made doubtful.
#pragma once
#include <compare>
#include <cstdint>
#include <set>

#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// An expression of a file, by what parsing on does not change: its kind and where its operator
/// begins.
struct PoisonedExpr {
  tree::ExprKind kind = tree::ExprKind::kError;
  std::uint32_t op_begin = 0;
  auto operator<=>(const PoisonedExpr&) const = default;
};
/// Makes errors of these expressions, wherever in the file they stand: the checker is silent about
/// them. One that is not in the tree was thrown away.
void poison(tree::File& file, const std::set<PoisonedExpr>& poisoned);
}  // namespace tocsin::rules

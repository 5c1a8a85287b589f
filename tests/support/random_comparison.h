/// Pieces of random expressions that ask for no other: literals, comparisons with one, and features
/// as of a step.
#pragma once
#include <vector>

#include "cep/plan/expr.h"
#include "cep/plan/plan.h"
#include "tests/support/random.h"
#include "tests/support/random_expr.h"

namespace tocsin::tests {
/// An int, a decimal or a fraction.
bool is_exact(const cep::Type& type);
cep::ExprPtr number_literal(Random& random, int scale);
/// Each is absent where the operand is, or is of no type for it.
cep::ExprPtr compare_aggregate(Random& random, const cep::ExprPtr& aggregate);
cep::ExprPtr compare_with_literal(Random& random, const cep::ExprPtr& operand);
cep::ExprPtr compare_with_duration(Random& random, const cep::ExprPtr& operand);
/// A feature as of an event taken before, where all that the step takes is known to its key; absent
/// where there is none.
cep::ExprPtr random_step_feature(Random& random, const cep::Plan& plan,
                                 const std::vector<SeenStep>& steps);
}  // namespace tocsin::tests

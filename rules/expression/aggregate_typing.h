/// What aggregates take and give, alike over the events of a window and of a loop.
#pragma once
#include <optional>
#include <vector>

#include "cep/plan/expr.h"
#include "rules/context/check_context.h"
#include "rules/expression/check_expression.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// An aggregate's argument as the plan has it (a quotient is taken as decimal(9), as it is kept),
/// and the type that the aggregate gives.
struct TypedArgument {
  cep::ExprPtr expr;
  cep::Type type;
};
/// Nothing, with a report, where the aggregate does not take values of the argument's type. Not for
/// count.
std::optional<TypedArgument> type_argument(CheckContext& context, cep::Aggregate aggregate,
                                           const Checked& argument);
/// `half life D`, `weight W` or the percentage of a percentile.
struct AggregateParams {
  std::optional<cep::Duration> half_life;
  std::optional<double> weight;
  double percentile = 0;
};
/// Nothing, with a report, where what stands after the argument is not what the aggregate needs.
std::optional<AggregateParams> check_params(CheckContext& context, const ExprContext& c,
                                            cep::Aggregate aggregate, SourceSpan name_span,
                                            const std::vector<const tree::AggregateParam*>& params);
}  // namespace tocsin::rules

/// Conditions that can never hold, and parts that always do, found where it is certain: bounds on
/// one value that leave nothing between them, comparisons of constants, of a value with itself,
/// with what its function never gives, and a value that must be missing and compared at once.
#pragma once
#include <vector>

#include "rules/context/check_context.h"
#include "rules/context/declarations.h"
#include "rules/context/scope.h"

namespace tocsin::rules {
/// Tells of a condition, as its conjuncts, of an event of one of `alternatives` (of any event,
/// where there are none): of the first contradiction in which it takes part, else of parts that say
/// nothing, stand twice, or are unknown where they should not be. `scope`: where it is asked;
/// `known`: what holds of the events of the match before. `never`: W0003, or E0441 where the rule
/// can never alert without the condition; an alternative of it that never holds is always W0003.
void warn_of_condition(CheckContext& context, const ExprScope& scope,
                       const std::vector<Conjunct>& known,
                       const std::vector<const KindAlternative*>& alternatives,
                       const std::vector<Conjunct>& condition, Code never = Code::kW0003);
/// Whether no event of any of the alternatives satisfies the condition, and what its alternative
/// and `known` ask. False where it is not certain. Reports nothing.
bool never_holds(CheckContext& context, const ExprScope& scope, const std::vector<Conjunct>& known,
                 const std::vector<const KindAlternative*>& alternatives,
                 const std::vector<Conjunct>& condition);
}  // namespace tocsin::rules

/// Conditions that can never hold, found where it is certain: bounds on one field that leave
/// nothing between them, comparisons of constants, and a field that must be missing and compared at
/// once.
#pragma once
#include <cstddef>
#include <vector>

#include "rules/check_context.h"
#include "rules/declarations.h"

namespace tocsin::rules {
/// Warns of the first contradiction in which one of the conjuncts from `first_new` on takes part;
/// true when it did.
bool warn_of_contradiction(CheckContext& context, const std::vector<Conjunct>& conjuncts,
                           std::size_t first_new);
}  // namespace tocsin::rules

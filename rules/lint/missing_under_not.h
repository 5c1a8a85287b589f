/// `not` over a value that may be missing: neither the condition nor its opposite holds then.
#pragma once
#include <cstddef>
#include <vector>

#include "rules/context/check_context.h"
#include "rules/context/declarations.h"

namespace tocsin::rules {
/// Warns of a `not` in the conjuncts from `first_new` on over a field declared with `?`, unless one
/// of them asks whether that field is missing or known.
void warn_of_missing_under_not(CheckContext& context, const std::vector<Conjunct>& conjuncts,
                               std::size_t first_new);
}  // namespace tocsin::rules

/// Rules: from their clauses to the plan's.
#pragma once
#include <vector>

#include "rules/check_context.h"
#include "rules/tree.h"

namespace tocsin::rules {
/// Checks every rule and adds those that are right and no drafts to the plan.
void check_rules(CheckContext& context, const std::vector<const tree::Rule*>& rules);
}  // namespace tocsin::rules

/// Rules: from their clauses to the plan's.
#pragma once
#include <vector>

#include "rules/context/check_context.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Reports rules of one id.
void check_ids(CheckContext& context, const std::vector<const tree::Rule*>& rules);
/// Checks a rule and puts it at its place in the plan, unless it is a draft. What it needs has been
/// checked before.
void check_rule(CheckContext& context, const tree::Rule& rule);
}  // namespace tocsin::rules

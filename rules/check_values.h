/// Constants, lists and tables.
#pragma once
#include <vector>

#include "rules/check_context.h"
#include "rules/tree.h"

namespace tocsin::rules {
void check_consts(CheckContext& context, const std::vector<const tree::Const*>& consts);
/// Adds each list to the plan.
void check_lists(CheckContext& context, const std::vector<const tree::List*>& lists);
/// Refuses them: they come in a later version.
void check_tables(CheckContext& context, const std::vector<const tree::Table*>& tables);
}  // namespace tocsin::rules

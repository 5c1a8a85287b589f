/// Computed fields of events: `owner: string? = accounts[account].owner`.
#pragma once
#include <vector>

#include "rules/context/check_context.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Checks the expressions of computed fields and puts them into the plan's event types. Needs the
/// event types, constants, lists and tables.
void check_computed_fields(CheckContext& context, const std::vector<const tree::Event*>& events);
}  // namespace tocsin::rules

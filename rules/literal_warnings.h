/// Literals that mean something else than they seem to.
#pragma once
#include <vector>

#include "rules/check_context.h"
#include "rules/tree.h"

namespace tocsin::rules {
/// Warns of texts in a condition that look like wildcards of other languages, `amazon*` or
/// `%gift%`, and of values that stand twice in a list written there.
void warn_of_literals(CheckContext& context, const tree::Expr& condition);
/// The same for the elements of a declared list.
void warn_of_elements(CheckContext& context, const std::vector<tree::ExprPtr>& elements);
}  // namespace tocsin::rules

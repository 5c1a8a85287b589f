/// Clauses that change no alert, whatever events come.
#pragma once
#include <vector>

#include "rules/check_context.h"
#include "rules/pattern_draft.h"

namespace tocsin::rules {
/// Warns of each clause of a rule with a pattern that can be left out without any difference.
/// `elements`: made of `drafts`, the rule's pattern; `considering_adds`: the kinds after
/// `considering` are not all named elsewhere in the rule.
void warn_of_no_effect(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule,
                       const std::vector<ElementDraft>& drafts, bool considering_adds);
}  // namespace tocsin::rules

/// Loops that no event can leave.
#pragma once
#include <vector>

#include "rules/check_context.h"
#include "rules/pattern_draft.h"

namespace tocsin::rules {
/// Warns of a greedy loop without an end that takes every event which the step after it could take:
/// while an event fits a greedy loop, the next step does not get it. `elements`: made of `drafts`.
void warn_of_endless_loops(CheckContext& context, const std::vector<ElementDraft>& drafts,
                           const std::vector<cep::Element>& elements);
}  // namespace tocsin::rules

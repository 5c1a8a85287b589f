/// Steps that no event can reach.
#pragma once
#include <vector>

#include "rules/check_context.h"
#include "rules/pattern_draft.h"

namespace tocsin::rules {
/// Warns of a step whose every event ends the match before it can be taken: by the absence before
/// it, by the rule's `without`, or by the step's own `until`. `elements`: made of `drafts`;
/// `without` null where none stands, `without_span` its kinds.
void warn_of_unreachable_steps(CheckContext& context, const std::vector<ElementDraft>& drafts,
                               const std::vector<cep::Element>& elements,
                               const cep::Without* without, SourceSpan without_span);
/// Whether every event of `subset` that satisfies `where` is one of `events` that satisfies
/// `asked`: no more is asked of it, condition by condition.
bool takes_all(const CheckContext& context, const std::vector<cep::Subset>& events,
               const cep::ExprPtr& asked, const cep::Subset& subset, const cep::ExprPtr& where);
}  // namespace tocsin::rules

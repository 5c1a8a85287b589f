/// Steps that no event can reach, and rules that can never alert.
#pragma once
#include <vector>

#include "rules/context/check_context.h"
#include "rules/pattern/pattern_draft.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Looks for a way through the rule's pattern, with the best events that one could wish for. An
/// error where there is none, with what ends every match; else a warning for each step that no way
/// leads to. What ends a match before a step can take its event: the absence before it, `without`,
/// its own `until`, a greedy loop before it. `drafts`: what the rule's pattern was made of; the
/// rule has no mistake. Returns whether the rule can alert.
bool check_reachable(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule,
                     const std::vector<ElementDraft>& drafts);
/// Whether every event of `subset` that satisfies `where` is one of `events` that satisfies
/// `asked`: no more is asked of it, condition by condition.
bool takes_all(const CheckContext& context, const std::vector<cep::Subset>& events,
               const cep::ExprPtr& asked, const cep::Subset& subset, const cep::ExprPtr& where);
/// The same for all of `taken`; none where there is nothing to take.
bool takes_all(const CheckContext& context, const std::vector<cep::Subset>& events,
               const cep::ExprPtr& asked, const std::vector<cep::Subset>& taken,
               const cep::ExprPtr& where);
}  // namespace tocsin::rules

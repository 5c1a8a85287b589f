/// Clauses that change no alert, whatever events come.
#pragma once
#include <vector>

#include "rules/context/check_context.h"
#include "rules/pattern/pattern_draft.h"

namespace tocsin::rules {
/// What stands after `considering`; `adds`: not all of it is named elsewhere in the rule.
struct ConsideredKinds {
  const std::vector<cep::Subset>& events;
  bool adds = true;
};
/// Warns of each clause of a rule with a pattern that can be left out without any difference. The
/// rule can alert. `drafts`: what its pattern was made of.
void warn_of_no_effect(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule,
                       const std::vector<ElementDraft>& drafts, const ConsideredKinds& considering);
}  // namespace tocsin::rules

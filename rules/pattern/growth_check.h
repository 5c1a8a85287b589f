/// Rules that a key with many events outgrows (cep/compile/growth.h).
#pragma once
#include <vector>

#include "rules/context/check_context.h"
#include "rules/pattern/pattern_draft.h"

namespace tocsin::rules {
/// Reports a pattern that asks for more events or partial matches than a key can hold. Else warns
/// of a rule of which an ordinary, busy key has more partial matches than it can hold. The rule is
/// right so far; `drafts`: what its pattern was made of.
void check_growth(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule,
                  const std::vector<ElementDraft>& drafts);
}  // namespace tocsin::rules

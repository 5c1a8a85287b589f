/// What the shape of a pattern forbids: an absence after an optional step, a `greedy` that could
/// not be, a pattern without an event, one that is too large.
#pragma once
#include "rules/context/check_context.h"
#include "rules/pattern/pattern_draft.h"

namespace tocsin::rules {
/// The most states of one rule's automaton, about: the engine's own limit is no smaller.
inline constexpr std::size_t kPatternStatesMax = 1000;
/// Reports each mistake once; false where there was one.
bool check_shape(CheckContext& context, const tree::Pattern& pattern,
                 const std::vector<ElementDraft>& elements);
}  // namespace tocsin::rules

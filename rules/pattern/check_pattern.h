/// Patterns: first which steps there are and what they take, then, once the rule's key is known,
/// their conditions.
#pragma once
#include <vector>

#include "rules/context/check_context.h"
#include "rules/context/scope.h"
#include "rules/pattern/known_conditions.h"
#include "rules/pattern/pattern_draft.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Resolves the kinds and counts of a pattern and adds its steps to `scope`; reports what its shape
/// forbids.
PatternDraft draft_pattern(CheckContext& context, const tree::Pattern& pattern, RuleScope& scope);
/// The rule's clauses that bound a pattern in time.
struct PatternBounds {
  std::optional<tree::DurationLiteral> within;
  bool broken = false;       // part of the rule could not be read
  bool without_for = false;  // `without … for D` ends it
};
/// Checks the conditions, where a last absence ends, and that gaps are no longer than the rule.
/// `known` gets what is certain of the events bound, for the warnings of later conditions.
std::vector<cep::Element> check_elements(CheckContext& context, const PatternDraft& draft,
                                         const RuleScope& scope, const PatternBounds& bounds,
                                         KnownConditions& known);
}  // namespace tocsin::rules

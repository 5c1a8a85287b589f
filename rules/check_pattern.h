/// Patterns: first which steps there are and what they take, then, once the rule's key is known,
/// their conditions.
#pragma once
#include <cstddef>
#include <optional>
#include <vector>

#include "rules/check_context.h"
#include "rules/check_kinds.h"
#include "rules/scope.h"
#include "rules/tree.h"

namespace tocsin::rules {
/// One element of a pattern whose kinds are known and whose conditions are not.
struct ElementDraft {
  const tree::Element* tree = nullptr;
  ResolvedKinds kinds;
  std::optional<std::size_t> step;  // of a step: its place in RuleScope::steps
  cep::Quantifier quantifier;
};
struct PatternDraft {
  std::vector<ElementDraft> elements;
  EventTypes types;           // of all of it
  bool types_broken = false;  // some are not known
  bool broken = false;        // a mistake, or something that is not available, was reported
};
/// Resolves the kinds and counts of a pattern and adds its steps to `scope`.
PatternDraft draft_pattern(CheckContext& context, const tree::Pattern& pattern, RuleScope& scope);
/// Checks the conditions, and where a last absence ends. `has_within`: the rule says `within`.
std::vector<cep::Element> check_elements(CheckContext& context, const PatternDraft& draft,
                                         const RuleScope& scope, bool has_within);
}  // namespace tocsin::rules

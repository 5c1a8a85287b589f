/// A pattern whose kinds, counts and steps are known and whose conditions are not yet: what its
/// shape says about it.
#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "cep/plan/pattern.h"
#include "rules/context/scope.h"
#include "rules/expression/check_kinds.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// One element of a sequence, a member of an `all of`, or an alternative (a kGroup of its own).
struct ElementDraft {
  cep::ElementKind kind = cep::ElementKind::kStep;
  const tree::Element* link = nullptr;     // how it is reached; absent for members and alternatives
  const tree::Step* step_tree = nullptr;   // of all but absences and alternatives
  const tree::Absence* absence = nullptr;  // of an absence
  ResolvedKinds kinds;                     // of a step, an absence
  ResolvedKinds until;                     // of a step
  std::optional<std::size_t> step;         // of a step, a named `one of`: in RuleScope::steps
  cep::Quantifier quantifier;
  bool optional = false;
  PatternPlace place;  // of a step, an absence
  std::vector<ElementDraft> children;
};
struct PatternDraft {
  std::vector<ElementDraft> elements;
  EventTypes types;           // of all of it
  bool types_broken = false;  // some are not known
  bool broken = false;        // a mistake was reported
};
/// Calls `visit` for each step and absence, in the order written.
void for_each_draft(const std::vector<ElementDraft>& elements,
                    const std::function<void(const ElementDraft&)>& visit);
/// Whether a match may pass it by without an event. An absence takes none.
bool can_be_empty(const ElementDraft& element);
bool can_be_empty(const std::vector<ElementDraft>& sequence);
/// The event types of which the last event taken may be.
EventTypes last_types(const std::vector<ElementDraft>& sequence);

/// Whether a match is one event and nothing is waited for after it.
bool is_of_one_event(const std::vector<cep::Element>& sequence);
/// Whether every wait of a partial match ends at the next event of its key or at a time of its own,
/// so that it needs no `within`.
bool ends_by_itself(const std::vector<cep::Element>& sequence);
/// Whether an `all of` keeps the mask of its members done, instead of a state for each set of them
/// (cep::is_masked).
bool is_masked(const ElementDraft& all_of);
/// How many states its automaton has, about; no more than `most` + 1.
std::size_t count_states(const std::vector<ElementDraft>& sequence, std::size_t most);
}  // namespace tocsin::rules

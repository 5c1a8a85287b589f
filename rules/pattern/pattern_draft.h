/// A pattern whose kinds, counts and steps are known and whose conditions are not yet: what its
/// shape says about it.
#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "cep/plan/pattern.h"
#include "rules/context/scope.h"
#include "rules/expression/check_kinds.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
struct StepDraft : cep::Repetition {
  const tree::Step* tree = nullptr;
  ResolvedKinds kinds;
  ResolvedKinds until;
  std::size_t symbol = 0;  // in RuleScope::steps
  PatternPlace place;
};
struct AbsenceDraft {
  const tree::Absence* tree = nullptr;
  ResolvedKinds kinds;
  PatternPlace place;
};
struct ElementDraft;
/// A group, `one of`, `all of`; or one of several alternatives, which is a kSequence.
struct GroupDraft : cep::Repetition {
  cep::GroupForm form = cep::GroupForm::kSequence;
  const tree::Step* tree = nullptr;   // null for an alternative
  std::optional<std::size_t> symbol;  // of a named `one of`: in RuleScope::steps
  std::vector<ElementDraft> children;
};
/// One element of a sequence, a member of an `all of`, or an alternative.
struct ElementDraft {
  const tree::Element* link = nullptr;  // how it is reached; null for members and alternatives
  std::variant<StepDraft, AbsenceDraft, GroupDraft> form;

  ElementDraft(StepDraft step) : form(std::move(step)) {}
  ElementDraft(AbsenceDraft absence) : form(std::move(absence)) {}
  ElementDraft(GroupDraft group) : form(std::move(group)) {}

  /// Null where the element is none.
  const StepDraft* step() const { return std::get_if<StepDraft>(&form); }
  const AbsenceDraft* absence() const { return std::get_if<AbsenceDraft>(&form); }
  const GroupDraft* group() const { return std::get_if<GroupDraft>(&form); }
  bool is_group(cep::GroupForm of) const { return group() != nullptr && group()->form == of; }

  // For readers of all elements alike. What an element does not have reads as empty; an absence
  // comes once.
  /// Null for absences and alternatives.
  const tree::Step* step_tree() const;
  /// Of a step, a named `one of`: in RuleScope::steps.
  std::optional<std::size_t> symbol() const;
  const cep::Repetition& repetition() const;
  const std::vector<ElementDraft>& children() const;
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

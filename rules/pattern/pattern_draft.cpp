#include "rules/pattern/pattern_draft.h"

#include <algorithm>

namespace tocsin::rules {
using cep::ElementKind;
using cep::GroupForm;

namespace {
const cep::Repetition kOnce;
const std::vector<ElementDraft> kNoChildren;

bool contents_can_be_empty(const ElementDraft& element) {
  const auto empty = [](const ElementDraft& child) { return can_be_empty(child); };
  const GroupDraft* const group = element.group();
  if (group == nullptr) return element.absence() != nullptr;
  return group->form == GroupForm::kOneOf ? std::ranges::any_of(group->children, empty)
                                          : std::ranges::all_of(group->children, empty);
}

void add_types(const EventTypes& more, EventTypes& types) {
  types.insert(types.end(), more.begin(), more.end());
}
void add_last_types(const ElementDraft& element, EventTypes& types) {
  if (const StepDraft* const step = element.step()) add_types(step->kinds.types, types);
  const GroupDraft* const group = element.group();
  if (group == nullptr) return;
  if (group->form == GroupForm::kSequence) {
    add_types(last_types(group->children), types);
  } else {
    for (const ElementDraft& child : group->children) add_last_types(child, types);
  }
}

int add_events(int a, int b) { return std::min(a + b, 2); }
int events_of(const std::vector<cep::Element>& sequence);

// The most events that it takes; an absence counts as waiting for one more.
int events_of(const cep::Element& element) {
  int once = 0;
  switch (element.kind()) {
    case ElementKind::kAbsence:
    case ElementKind::kStep:
      once = 1;
      break;
    case ElementKind::kGroup:
    case ElementKind::kAllOf:
      once = events_of(element.children());
      break;
    case ElementKind::kOneOf:
      for (const cep::Element& child : element.children()) once = std::max(once, events_of(child));
      break;
  }
  return element.quantifier().max == 1U ? once : add_events(once, once);
}

int events_of(const std::vector<cep::Element>& sequence) {
  int events = 0;
  for (const cep::Element& element : sequence) events = add_events(events, events_of(element));
  return events;
}

bool waits_end(const std::vector<cep::Element>& sequence);

// The waits inside the element, that for a further round among them.
bool waits_inside_end(const cep::Element& element) {
  const bool rounds_end =
      element.quantifier().max == 1U || element.quantifier().mode == cep::LoopMode::kNext;
  switch (element.kind()) {
    case ElementKind::kAbsence:
      return true;
    case ElementKind::kStep:
      return rounds_end;
    case ElementKind::kGroup:
      return rounds_end && waits_end(element.children());
    case ElementKind::kOneOf:
      return rounds_end && std::ranges::all_of(element.children(), waits_inside_end);
    case ElementKind::kAllOf:
      return rounds_end && element.children().size() == 1 &&
             waits_inside_end(element.children().front());
  }
  return false;
}

// The waits from one element to the next and inside them; not the wait for the first.
bool waits_end(const std::vector<cep::Element>& sequence) {
  for (std::size_t i = 0; i < sequence.size(); ++i) {
    const cep::Element& element = sequence[i];
    if (!waits_inside_end(element)) return false;
    if (i == 0 || element.is_absence()) continue;
    if (element.contiguity != cep::Contiguity::kNext && !element.gap) return false;
  }
  return true;
}
}  // namespace

const tree::Step* ElementDraft::step_tree() const {
  if (const StepDraft* const own = step()) return own->tree;
  return group() != nullptr ? group()->tree : nullptr;
}

std::optional<std::size_t> ElementDraft::symbol() const {
  if (const StepDraft* const own = step()) return own->symbol;
  return group() != nullptr ? group()->symbol : std::nullopt;
}

const cep::Repetition& ElementDraft::repetition() const {
  if (const StepDraft* const own = step()) return *own;
  return group() != nullptr ? *group() : kOnce;
}

const std::vector<ElementDraft>& ElementDraft::children() const {
  return group() != nullptr ? group()->children : kNoChildren;
}

void for_each_draft(const std::vector<ElementDraft>& elements,
                    const std::function<void(const ElementDraft&)>& visit) {
  for (const ElementDraft& element : elements) {
    if (element.children().empty()) {
      visit(element);
    } else {
      for_each_draft(element.children(), visit);
    }
  }
}

bool can_be_empty(const ElementDraft& element) {
  return element.repetition().optional || contents_can_be_empty(element);
}

bool can_be_empty(const std::vector<ElementDraft>& sequence) {
  return std::ranges::all_of(sequence,
                             [](const ElementDraft& element) { return can_be_empty(element); });
}

EventTypes last_types(const std::vector<ElementDraft>& sequence) {
  EventTypes types;
  for (auto element = sequence.rbegin(); element != sequence.rend(); ++element) {
    add_last_types(*element, types);
    if (!can_be_empty(*element)) break;
  }
  normalize(types);
  return types;
}

bool is_of_one_event(const std::vector<cep::Element>& sequence) { return events_of(sequence) <= 1; }

bool ends_by_itself(const std::vector<cep::Element>& sequence) {
  // A last absence without `for` runs to the end of `within`; without that it is an error.
  return waits_end(sequence);
}

bool is_masked(const ElementDraft& all_of) {
  return std::ranges::all_of(all_of.children(), [](const ElementDraft& member) {
    const StepDraft* const step = member.step();
    return step != nullptr && step->quantifier.max == 1U && !step->quantifier.greedy;
  });
}

std::size_t count_states(const std::vector<ElementDraft>& sequence, std::size_t most) {
  std::size_t states = 0;
  for (const ElementDraft& element : sequence) {
    std::size_t own = 1;
    if (!element.children().empty()) own = count_states(element.children(), most);
    if (element.is_group(GroupForm::kAllOf) && !is_masked(element)) {
      // One for each step after each choice of the others.
      for (std::size_t i = 1; i < element.children().size() && own <= most; ++i) own *= 2;
    }
    states += own;
    if (states > most) return most + 1;
  }
  return states;
}
}  // namespace tocsin::rules

/// The pattern of a rule: its elements, the variables that they bind, which matches count, what
/// must not come, and windows that close.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/contiguity.h"
#include "cep/plan/event_type.h"
#include "cep/plan/expr.h"
#include "cep/value/calendar_unit.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// How often a step repeats. `loop` is true when a count was written (also `1`): its events are
/// then a loop's.
struct Quantifier {
  std::uint32_t min = 1;
  std::optional<std::uint32_t> max = 1;  // absent: unbounded
  LoopMode mode = LoopMode::kRelaxed;
  bool greedy = false;
  bool loop = false;
};
/// Which events a step takes, or an absence forbids: those of `events` that satisfy `where`.
struct EventTest {
  std::vector<Subset> events;
  ExprPtr where;
};
/// How often a step or a group comes.
struct Repetition {
  Quantifier quantifier;
  bool optional = false;
};
struct Step : EventTest, Repetition {
  VarIndex var;
  std::vector<Subset> until_events;
  ExprPtr until_where;
};
/// `no X [for D]`, `no next X`.
struct Absence : EventTest {
  bool next = false;
  std::optional<Duration> absent_for;  // a last absence without it runs to the end of `within`
};
struct Element;
enum class GroupForm : std::uint8_t {
  kSequence,
  kOneOf,  // alternatives, each a kSequence
  kAllOf,  // steps, done one after another in any order, each after the first reached by `then`
};
struct Group : Repetition {
  GroupForm form = GroupForm::kSequence;
  std::vector<Element> children;
};
/// In the order of Element::form, a group by its own form.
enum class ElementKind : std::uint8_t { kStep, kAbsence, kGroup, kOneOf, kAllOf };
/// One element of a pattern's sequence, reached from the one before it by `contiguity` (the first
/// by none). A group counts as one: its contiguity holds for its first child, its gap for the first
/// event inside, `optional` for the whole, its quantifier's mode for how a further round begins.
struct Element {
  Contiguity contiguity = Contiguity::kAny;
  std::optional<Duration> gap;  // `then within D`: less than D after the previous step's last event
  std::variant<Step, Absence, Group> form;

  Element() = default;
  Element(Step step) : form(std::move(step)) {}
  Element(Absence absence) : form(std::move(absence)) {}
  Element(Group group) : form(std::move(group)) {}

  ElementKind kind() const {
    const Group* const inner = group();
    return inner != nullptr ? static_cast<ElementKind>(static_cast<int>(ElementKind::kGroup) +
                                                       static_cast<int>(inner->form))
                            : static_cast<ElementKind>(form.index());
  }
  bool is_step() const { return step() != nullptr; }
  bool is_absence() const { return absence() != nullptr; }
  /// Null where the element is none.
  const Step* step() const { return std::get_if<Step>(&form); }
  Step* step() { return std::get_if<Step>(&form); }
  const Absence* absence() const { return std::get_if<Absence>(&form); }
  Absence* absence() { return std::get_if<Absence>(&form); }
  const Group* group() const { return std::get_if<Group>(&form); }
  Group* group() { return std::get_if<Group>(&form); }
  /// Of a step or an absence; else null.
  const EventTest* test() const;
  EventTest* test();
  /// Of a step or a group; else null.
  const Repetition* repetition() const;
  Repetition* repetition();

  // For readers of all elements alike. What an element does not have reads as empty; an absence
  // comes once.
  const std::vector<Subset>& events() const;
  const ExprPtr& where() const;
  const Quantifier& quantifier() const;
  bool is_optional() const;
  const std::vector<Subset>& until_events() const;
  const ExprPtr& until_where() const;
  const std::vector<Element>& children() const;
  /// Whether it is an absence of the very next event.
  bool is_next() const;
  std::optional<Duration> absent_for() const;
  /// Of a step.
  VarIndex var() const { return std::get<Step>(form).var; }
};
/// What a step binds. Over the rounds of a group a variable collects its events in order.
struct Variable {
  std::string name;  // empty for a step without `as`
  bool loop = false;
  /// `one of { … } as NAME`: NAME's variable, which all events of the steps inside belong to as
  /// well; no step has NAME's for its own.
  std::optional<VarIndex> parent = {};
};
enum class SelectionKind : std::uint8_t {
  kDefault,  // nothing is consumed; an event raises at most one alert for each key
  kNoSkip,
  kSkipPastLast,
  kSkipToNext,
  kSkipToFirst,
  kSkipToLast,
  kConsume,
};
struct Selection {
  SelectionKind kind = SelectionKind::kDefault;
  VarIndex var;  // kSkipToFirst, kSkipToLast
  bool in_order = false;
  bool prefer_latest = false;
};
/// `without KINDS [where C]`: none after the first event and before the match completes. With
/// `for`: the alert comes at first + for; none, and all steps done, less than that after the first
/// event.
struct Without {
  std::vector<Subset> events;
  ExprPtr where;
  std::optional<Duration> absent_for;
};
/// `session of KINDS gap D`: until no event of its kinds has come for `gap`.
struct SessionSpan {
  Duration gap;
};
/// `tumbling D of KINDS`: aligned to the epoch.
struct TumblingSpan {
  Duration duration;
};
/// `tumbling month in ZONE of KINDS`: a unit that a clock in `zone` shows.
struct CalendarSpan {
  CalendarUnit unit = CalendarUnit::kDay;
  std::string zone = {};
};
/// `when SPAN as NAME where C`: given when the window closes. `considering` is collected too, but
/// neither opens nor extends it.
struct ClosingWindow {
  std::variant<SessionSpan, TumblingSpan, CalendarSpan> span;
  std::vector<Subset> events;
  VarIndex var;  // holds every event collected, in order
  ExprPtr where;

  bool is_session() const { return std::holds_alternative<SessionSpan>(span); }
  /// Null where it is no unit of the calendar.
  const CalendarSpan* calendar() const { return std::get_if<CalendarSpan>(&span); }
  /// The gap, or the length; 0 for a unit of the calendar.
  Duration duration() const;
};
inline Duration ClosingWindow::duration() const {
  if (const auto* const session = std::get_if<SessionSpan>(&span)) return session->gap;
  const auto* const tumbling = std::get_if<TumblingSpan>(&span);
  return tumbling != nullptr ? tumbling->duration : Duration{};
}
}  // namespace tocsin::cep

/// What an expression can see at its place: the current event's fields, earlier steps, the rule's
/// key.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cep/plan/key_spec.h"
#include "rules/context/check_context.h"
#include "rules/syntax/tree.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
using EventTypes = std::vector<cep::EventTypeIndex>;  // ascending, each once

/// A group around a step or an absence.
struct Enclosure {
  enum class Form : std::uint8_t { kRepeated, kOneOf, kAllOf };
  Form form = Form::kRepeated;
  std::size_t group = 0;   // a number of its own
  std::size_t branch = 0;  // the alternative, the member
};
/// One step of a pattern, or a `one of … as NAME`, or a window, as conditions see it.
struct StepSymbol {
  std::string_view name;  // empty where it has none
  std::string_view kind;  // of a step of one kind without a name: for advice
  SourceSpan span;        // of the name, else of the kinds
  cep::VarIndex var;
  bool loop = false;
  std::uint32_t count_min = 0;             // a match has at least so many events of it
  std::optional<std::uint32_t> count_max;  // and at most so many; absent: no bound
  EventTypes types;
  bool broken = false;                // not understood: nothing about it is reported
  std::vector<Enclosure> enclosures;  // outermost first
  std::optional<std::size_t> parent;  // the named `one of` around it, the innermost
  std::optional<std::size_t> one_of;  // of a named `one of`: its group
};
/// Where in a pattern a condition stands.
struct PatternPlace {
  std::size_t steps_before = 0;  // the first so many steps begin before it, its own among them
  std::vector<Enclosure> enclosures;
};
enum class Sight : std::uint8_t {
  kSeen,
  kLater,             // it comes later, or is around the place
  kOtherAlternative,  // of the same `one of`: never both
  kAnyOrder,          // another member of the same `all of`
};
/// What a condition at `place` sees of a step.
Sight sight_of(const PatternPlace& place, const StepSymbol& step);
/// The rule around an expression.
struct RuleScope {
  const cep::KeySpec* key = nullptr;            // checked before any expression
  std::vector<bool> key_part_is_union;          // parts that have a name of their own
  std::vector<const KeySymbol*> declared_keys;  // by part: the declared key it is; null where none
  std::vector<SourceSpan> key_part_names;       // by part: where its name is declared
  bool key_broken = false;
  /// For each part and event type the field that holds it, also of types that only an aggregate
  /// takes.
  std::vector<std::vector<cep::KeyMember>> union_members;
  /// `transfer.to_account as got`: what a role stands for.
  std::unordered_map<std::string_view, const tree::KeyMember*> roles;
  std::vector<StepSymbol> steps;
  std::unordered_map<std::string_view, std::size_t> step_by_name;
  bool steps_incomplete = false;        // the pattern may name others, which could not be read
  std::optional<cep::Duration> within;  // all events of a match lie less than this after its first
};
enum class Place : std::uint8_t {
  kKind,       // a kind's condition
  kComputed,   // the expression of a computed field
  kAggregate,  // the argument or condition of an aggregate over kinds
  kElement,    // the same over a loop's events
  kStep,       // a step's condition
  kAbsence,    // the condition of a `no`
  kWhile,      // `once while`: any event that the rule looks at, with no match
  kMatch,      // `having`, the severity and the alert: the current event is the last one taken
};
struct ExprScope {
  Place place = Place::kKind;
  EventTypes types;                             // of the current event
  bool types_broken = false;                    // not all of them are known
  const RuleScope* rule = nullptr;              // absent in kinds and named features
  std::size_t steps_visible = 0;                // the first so many of the rule's steps
  const PatternPlace* pattern_place = nullptr;  // in a pattern: decides instead of `steps_visible`
  std::optional<std::size_t>
      own_step;                    // kStep: the step whose condition this is; kElement: the loop
  std::string_view own_kind = {};  // kElement: of `s.KIND`, the events that are meant
};

enum class FieldPresence : std::uint8_t {
  kEverywhere,
  kNowhere,
  kSomewhere,  // `without` has not the field
  kMixed,      // its type differs: `type` in `first`, another in `without`
  kUnknown,    // a declaration that could not be read may have it
};
struct FieldLookup {
  FieldPresence presence = FieldPresence::kNowhere;
  cep::Type type;
  cep::FieldRef field;
  SourceSpan declared;  // in `first`
  cep::EventTypeIndex first;
  cep::EventTypeIndex without;
};
/// Finds a field in all of `types`.
FieldLookup look_up_field(const CheckContext& context, const EventTypes& types, bool types_broken,
                          std::string_view name);
/// "payment", "alert big", "any alert".
std::string type_name(const CheckContext& context, cep::EventTypeIndex type);
/// "payment", "payment and login".
std::string types_text(const CheckContext& context, const EventTypes& types);
/// "payment is declared in schema.tocsin:3".
std::string declared_text(const CheckContext& context, cep::EventTypeIndex type);
/// Sorts and removes repeats.
void normalize(EventTypes& types);
}  // namespace tocsin::rules

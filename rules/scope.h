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

#include "cep/plan.h"
#include "rules/check_context.h"
#include "rules/diagnostics.h"

namespace tocsin::rules {
using EventTypes = std::vector<cep::EventTypeIndex>;  // ascending, each once

/// One step of a pattern, as conditions see it.
struct StepSymbol {
  std::string_view name;  // empty where it has none
  std::string_view kind;  // of a step of one kind without a name: for advice
  SourceSpan span;        // of the name, else of the kinds
  cep::VarIndex var;
  bool loop = false;
  EventTypes types;
  bool broken = false;  // not understood: nothing about it is reported
};
/// The rule around an expression.
struct RuleScope {
  const cep::KeySpec* key = nullptr;    // checked before any expression
  std::vector<bool> key_part_is_union;  // parts that have a name of their own
  bool key_broken = false;
  /// For each part and event type the field that holds it, also of types that only an aggregate
  /// takes.
  std::vector<std::vector<cep::KeyMember>> union_members;
  std::vector<StepSymbol> steps;
  std::unordered_map<std::string_view, std::size_t> step_by_name;
};
enum class Place : std::uint8_t {
  kKind,       // a kind's condition
  kAggregate,  // the argument or condition of an aggregate over kinds
  kElement,    // the same over a loop's events
  kStep,       // a step's condition
  kAbsence,    // the condition of a `no`
  kMatch,      // `having`, the severity and the alert: the current event is the last one taken
};
struct ExprScope {
  Place place = Place::kKind;
  EventTypes types;                 // of the current event
  bool types_broken = false;        // not all of them are known
  const RuleScope* rule = nullptr;  // absent in kinds and named features
  std::size_t steps_visible = 0;    // the first so many of the rule's steps
  std::optional<std::size_t>
      own_step;  // kStep: the step whose condition this is; kElement: the loop
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
/// "payment", "payment and login".
std::string types_text(const CheckContext& context, const EventTypes& types);
/// "payment is declared in schema.tocsin:3".
std::string declared_text(const CheckContext& context, cep::EventTypeIndex type);
/// Sorts and removes repeats.
void normalize(EventTypes& types);
}  // namespace tocsin::rules

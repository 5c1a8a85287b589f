/// Parts of what places remember (cep/record/places_state.h), made empty, and the values that tell
/// them apart.
#pragma once
#include <optional>
#include <string>

#include "cep/compile/program.h"
#include "cep/match/eval.h"
#include "cep/record/places_state.h"

namespace tocsin::cep {
/// An empty part for the rule.
PlacesPart make_part(const RuleProgram& rule);
/// Adds an empty part for a value, or gives the one that is there.
PlacesPart& part_with(PlacesState& state, const RuleProgram& rule, const std::string& value);
/// What an expression says whose fields of the rule's first event are read from this event.
Value value_at_first(const Expr& expr, const EventView& event, EvalScope scope);
/// The key bytes (cep/value/key.h) of a field of PlacesProgram::value in its event; absent where it
/// is missing. `scope` has the rule, and the event's table and batch.
std::optional<std::string> part_value(const Expr& own, const EventView& event, EvalScope scope);
}  // namespace tocsin::cep

/// Parts of what places remember (cep/record/places_state.h), made empty.
#pragma once
#include <string>

#include "cep/compile/program.h"
#include "cep/record/places_state.h"

namespace tocsin::cep {
/// An empty part for the rule.
PlacesPart make_part(const RuleProgram& rule);
/// Adds an empty part for a value, or gives the one that is there.
PlacesPart& part_with(PlacesState& state, const RuleProgram& rule, const std::string& value);
}  // namespace tocsin::cep

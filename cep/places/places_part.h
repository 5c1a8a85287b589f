/// Parts of what places remember (cep/record/places_state.h), made empty.
#pragma once
#include <cstdint>
#include <string>

#include "cep/compile/program.h"
#include "cep/record/places_state.h"

namespace tocsin::cep {
/// An empty part for the rule.
PlacesPart make_part(const RuleProgram& rule);
/// Of a part with `lengths`: adds that of entry `last` of the loop, whose first place this is.
void push_length(PlacesPart& part, std::uint32_t first_place, std::uint64_t last);
/// Adds an empty part for a value, or gives the one that is there.
PlacesPart& part_with(PlacesState& state, const RuleProgram& rule, const std::string& value);
}  // namespace tocsin::cep

/// How busy keys of a rule are matched by places (cep/places/places.h), where the rule allows it.
#pragma once
#include <tl/expected.hpp>

#include "cep/compile/obstacle.h"
#include "cep/compile/program.h"

namespace tocsin::cep {
/// Else the first thing in the rule that needs partial matches. Each condition must look at one
/// event, or compare it with the first one, and the first match in order must be the one that is
/// selected, whatever it is. Requires a rule of kRuns with its steps.
tl::expected<PlacesProgram, Obstacle> places_of(const RuleProgram& rule);
}  // namespace tocsin::cep

/// How busy keys of a rule are matched by places (cep/places/places.h), where the rule allows it.
#pragma once
#include <optional>

#include "cep/compile/program.h"

namespace tocsin::cep {
/// Absent where partial matches are needed. Each condition must look at one event, or compare it
/// for equality with the first one, and the first match in order must be the one that is selected,
/// whatever it is. The rule's steps and method are compiled.
std::optional<PlacesProgram> places_of(const RuleProgram& rule);
}  // namespace tocsin::cep

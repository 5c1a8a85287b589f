/// How busy keys of a rule with optional steps or groups are matched by places of its paths
/// (cep/places/paths.h), where the rule allows it.
#pragma once
#include <tl/expected.hpp>

#include "cep/compile/obstacle.h"
#include "cep/compile/paths_program.h"
#include "cep/compile/program.h"

namespace tocsin::cep {
/// Whether paths do away with the obstacle: with the others of general_obstacles() they do not.
bool is_of_paths(ObstacleKind kind);
/// Else the first thing in the rule that needs partial matches. Each condition must look at one
/// event, the first match in order must be the one that is selected, whatever it is, and the places
/// must be few. Requires a rule with a pattern; its clauses but for selection and `having` are not
/// looked at.
tl::expected<PathsProgram, Obstacle> paths_of(const RuleProgram& rule);
}  // namespace tocsin::cep

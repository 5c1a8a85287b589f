/// How busy keys of rules with optional steps or groups are matched, where the rule allows it: by
/// places of its paths (cep/places/paths.h), or with `all of` by its members
/// (cep/places/members.h).
#pragma once
#include <tl/expected.hpp>

#include "cep/compile/obstacle.h"
#include "cep/compile/paths_program.h"
#include "cep/compile/program.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// Whether paths do away with the obstacle: with the others of general_obstacles() they do not.
bool is_of_paths(ObstacleKind kind);
/// Else the first thing in the rule that needs partial matches. Each condition must look at one
/// event, the first match in order must be the one that is selected, whatever it is, and the places
/// must be few. Requires a rule with a pattern; its clauses but for selection and `having` are not
/// looked at.
tl::expected<PathsProgram, Obstacle> paths_of(const RuleProgram& rule);
/// The same with `all of`; `kGroup` where that is a group, or how the pattern is put together. Each
/// condition must look at one event, and the first match in order must be the one that is selected,
/// whatever it is. The answer depends on nothing but what the digest of the rule's state includes
/// (cep/compile/plan_digest.h), as the form of a key's state follows it. Requires a rule of
/// kGeneral.
tl::expected<MembersProgram, Obstacle> members_of(const Rule& rule);
}  // namespace tocsin::cep

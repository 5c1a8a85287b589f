/// How busy keys of a rule with `all of` are matched (cep/places/members.h), where the rule allows
/// it.
#pragma once
#include <tl/expected.hpp>

#include "cep/compile/obstacle.h"
#include "cep/compile/program.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// Else the first thing in the rule that needs partial matches; `kGroup` where that is a group, or
/// how the pattern is put together. Each condition must look at one event, and the first match in
/// order must be the one that is selected, whatever it is. The answer depends on nothing but what
/// the digest of the rule's state includes (cep/compile/plan_digest.h), as the form of a key's
/// state follows it. Requires a rule of kGeneral.
tl::expected<MembersProgram, Obstacle> members_of(const Rule& rule);
}  // namespace tocsin::cep

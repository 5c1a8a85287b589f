/// What this engine does not run yet: refused at compile with the rule's name, never half done.
#pragma once
#include <string>
#include <vector>

#include "cep/plan/limits.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// A message for each construct of a valid plan that the engine cannot run; empty when it can run
/// all.
std::vector<std::string> unsupported(const Plan& plan, const Limits& limits);
/// What of a rule's pattern crosses a limit: a message each.
std::vector<std::string> oversized(const Rule& rule, const Limits& limits);
}  // namespace tocsin::cep

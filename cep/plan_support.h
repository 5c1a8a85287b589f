/// What this engine does not run yet: refused at compile with the rule's name, never half done.
#pragma once
#include <string>
#include <vector>

#include "cep/engine.h"
#include "cep/plan.h"

namespace tocsin::cep {
/// A message for each construct of a valid plan that the engine cannot run; empty when it can run
/// all.
std::vector<std::string> unsupported(const Plan& plan, const Limits& limits);
}  // namespace tocsin::cep

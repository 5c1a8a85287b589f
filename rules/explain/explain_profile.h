/// What a rule keeps and for how long, what it shares with others, and what it costs, in words.
#pragma once
#include <vector>

#include "cep/diagnose/rule_profile.h"
#include "rules/explain/explain.h"

namespace tocsin::rules {
/// How the engine runs the rule: the automaton, its state, what is shared, what it costs. The
/// program is of the plan that the rule is in.
std::vector<ExplainedAspect> explain_profile(const cep::Program& program, cep::RuleIndex rule);
}  // namespace tocsin::rules

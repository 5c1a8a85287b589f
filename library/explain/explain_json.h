/// An explanation as JSON: one object a rule; docs/cli.md says what stands in it.
#pragma once
#include <string>

#include "cep/engine/engine.h"
#include "library/explain/rule_analysis.h"

namespace tocsin::library {
/// The rule of the program's plan as one line without its end. Members keep their order; the last
/// is `analysis`, where there is one.
std::string explain_json(const cep::Program& program, cep::RuleIndex rule,
                         const RuleAnalysis* analysis);
}  // namespace tocsin::library

/// How much the engine keeps for one key of a rule (cep/diagnose/rule_working.h), from the
/// structures that it is kept in.
#pragma once
#include "cep/diagnose/rule_working.h"

namespace tocsin::cep {
RuleMemory memory_of(const ProgramImpl& program, const RuleProgram& rule);
}  // namespace tocsin::cep

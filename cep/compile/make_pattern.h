/// A rule's pattern as an automaton (cep/compile/pattern_program.h).
#pragma once
#include "cep/compile/pattern_program.h"
#include "cep/plan/limits.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// The automaton of a rule's pattern, without the conditions of its elements: compact where it
/// would be larger than `limits.enumerated_states_max`. It is cut where it is too large.
PatternProgram make_pattern(const Rule& rule, const Limits& limits);
/// Whether it is larger than compile accepts.
bool is_too_large(const PatternProgram& pattern, const Limits& limits);
}  // namespace tocsin::cep

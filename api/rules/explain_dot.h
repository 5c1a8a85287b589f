/// Automata as a graph in Graphviz's language.
#pragma once
#include <string>
#include <vector>

#include "cep/engine/engine.h"

namespace tocsin::api {
/// One graph with a box for each rule: its states, its transitions and its conditions by name.
std::string explain_dot(const cep::Program& program, const std::vector<cep::RuleIndex>& rules);
}  // namespace tocsin::api

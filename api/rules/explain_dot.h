/// Automata as a graph in Graphviz's language, and drawn by Graphviz.
#pragma once
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "cep/engine/engine.h"

namespace tocsin::api {
/// One graph with a box for each rule: its states, its transitions and its conditions by name.
std::string explain_dot(const cep::Program& program, const std::vector<cep::RuleIndex>& rules);
/// `dot -Tsvg` of a graph: runs the program `dot` of the PATH with nothing but this text. Errors:
/// kNotFound where it is not installed, kIo with what it said where it failed.
Result<std::string> draw_svg(const std::string& dot);
}  // namespace tocsin::api

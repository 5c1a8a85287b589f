/// Automata as a picture in a file: SVG that any browser shows, without fonts, scripts or programs.
#pragma once
#include <string>
#include <vector>

#include "cep/engine/engine.h"
#include "rules/explain/explain_automaton.h"

namespace tocsin::library {
/// What one rule's part of the picture shows.
struct PicturedRule {
  std::string name;
  std::string title;
  rules::NamedAutomaton automaton;
};
/// The rules below each other: name and title, the automaton (automaton_layout.h), its transitions
/// and its conditions in words. Follows the reader's light or dark scheme. Texts of rules are shown
/// as they are, so far as XML may hold them; the same rules give the same bytes.
std::string automata_svg(const std::vector<PicturedRule>& pictured);
/// The same of rules of the program.
std::string explain_svg(const cep::Program& program, const std::vector<cep::RuleIndex>& chosen);
}  // namespace tocsin::library

/// Where the states of a rule's automaton and its transitions are drawn, for the console and for
/// pictures in files: states stand in one row, in their order. A transition to the next state is a
/// line; every other one has a lane, above the row if it goes on or stays, below if it goes back,
/// and short ones are nearest to the row. A transition to many states is one lane with branches.
/// No two lanes touch, so lines only cross at right angles or join before the same state.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rules/explain/explain_automaton.h"

namespace tocsin::library {
/// Pixels from the left and the top.
struct Point {
  int x = 0;
  int y = 0;
  bool operator==(const Point&) const = default;
};
struct DrawnState {
  std::string text;  // the name, cut to fit
  bool is_cut = false;
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};
/// From the edge of a state to the edge of a state, by its corners: two or four points.
struct DrawnLine {
  std::size_t to = 0;
  std::vector<Point> points;
};
struct DrawnTransition {
  std::size_t from = 0;
  std::vector<DrawnLine> lines;
  std::vector<Point> labels;  // centres of where its number stands
};
struct AutomatonDrawing {
  std::vector<DrawnState> states;            // as those of the automaton
  std::vector<DrawnTransition> transitions;  // likewise
  std::vector<std::string> heads;            // of arrows, one where lines end, as paths of SVG
  int width = 0;
  int height = 0;
};
/// Radius of the circle around a transition's number.
constexpr int kLabelRadius = 10;

/// The work is that of the lines, at most states times transitions. Equal automata give equal
/// drawings.
AutomatonDrawing lay_out(const rules::NamedAutomaton& automaton);
/// The lines of a transition as one path of SVG, with rounded corners; what branches share is in it
/// once.
std::string path_of(const DrawnTransition& transition);
/// `text` with U+FFFD for bytes that are no UTF-8, controls, and marks that cannot be seen or
/// change the order of letters: every character is one that XML may hold.
std::string visible_text(std::string_view text);
/// The bytes of the longest beginning of `text` that is at most `columns` wide. A letter outside of
/// ASCII counts as two.
std::size_t bytes_within(std::string_view text, std::size_t columns);
/// `text` if it is at most `columns` wide, else its beginning and "…".
std::string cut_to(std::string_view text, std::size_t columns);
/// How wide `text` is, counted so.
std::size_t columns_of(std::string_view text);
}  // namespace tocsin::library

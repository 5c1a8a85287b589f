// The picture of an automaton: that nothing is drawn on anything else and lines lead from their
// state to their state, on random automata and on those of random rules; and the file's bytes.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cep/diagnose/rule_profile.h"
#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "library/explain/automaton_layout.h"
#include "library/explain/automaton_svg.h"
#include "tests/support/engine_run.h"
#include "tests/support/golden.h"
#include "tests/support/random.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
namespace {
using library::AutomatonDrawing;
using library::DrawnLine;
using library::DrawnState;
using library::DrawnTransition;
using library::Point;
using rules::NamedAutomaton;

struct Segment {
  Point from;
  Point to;
  std::size_t transition = 0;
  std::size_t begins = 0;  // at which state
  std::size_t ends = 0;
  bool is_flat() const { return from.y == to.y; }
};
struct Span {
  int low;
  int high;
};
Span span(int a, int b) { return {std::min(a, b), std::max(a, b)}; }
bool overlap(Span a, Span b) { return a.low <= b.high && b.low <= a.high; }

bool is_at_edge(const DrawnState& state, Point at) {
  const bool is_across = at.x >= state.x && at.x <= state.x + state.width;
  const bool is_beside = at.y >= state.y && at.y <= state.y + state.height;
  return is_across && is_beside &&
         (at.x == state.x || at.x == state.x + state.width || at.y == state.y ||
          at.y == state.y + state.height);
}
bool is_inside(const AutomatonDrawing& drawing, Point at) {
  return at.x >= 0 && at.x <= drawing.width && at.y >= 0 && at.y <= drawing.height;
}

// No two states touch, and their names fit.
void check_states(const NamedAutomaton& automaton, const AutomatonDrawing& drawing) {
  REQUIRE(drawing.states.size() == automaton.states.size());
  for (std::size_t i = 0; i < drawing.states.size(); ++i) {
    const DrawnState& state = drawing.states[i];
    CHECK(static_cast<int>(library::columns_of(state.text)) * 8 <= state.width);
    CHECK(state.is_cut == (state.text != automaton.states[i].name));
    CHECK(is_inside(drawing, {state.x, state.y}));
    CHECK(is_inside(drawing, {state.x + state.width, state.y + state.height}));
    for (std::size_t j = i + 1; j < drawing.states.size(); ++j) {
      const DrawnState& other = drawing.states[j];
      const bool is_apart =
          !overlap({state.x, state.x + state.width}, {other.x, other.x + other.width});
      CHECK(is_apart);
    }
  }
}

// Each transition has one line to each of its states, which begins and ends at their edges and
// passes through no state.
std::vector<Segment> checked_lines(const NamedAutomaton& automaton,
                                   const AutomatonDrawing& drawing) {
  std::vector<Segment> segments;
  REQUIRE(drawing.transitions.size() == automaton.transitions.size());
  for (std::size_t i = 0; i < drawing.transitions.size(); ++i) {
    const rules::NamedTransition& named = automaton.transitions[i];
    std::vector<std::size_t> reached;
    for (const DrawnLine& line : drawing.transitions[i].lines) {
      reached.push_back(line.to);
      REQUIRE(line.points.size() >= 2);
      CHECK(is_at_edge(drawing.states[named.from], line.points.front()));
      CHECK(is_at_edge(drawing.states[line.to], line.points.back()));
      for (std::size_t at = 0; at + 1 < line.points.size(); ++at) {
        const Segment segment{line.points[at], line.points[at + 1], i, named.from, line.to};
        const bool is_right_angled = segment.from.x == segment.to.x || segment.is_flat();
        CHECK(is_right_angled);
        CHECK(is_inside(drawing, segment.to));
        segments.push_back(segment);
        for (const DrawnState& state : drawing.states) {
          const bool is_through = overlap(span(segment.from.x, segment.to.x),
                                          {state.x + 1, state.x + state.width - 1}) &&
                                  overlap(span(segment.from.y, segment.to.y),
                                          {state.y + 1, state.y + state.height - 1});
          CHECK_FALSE(is_through);
        }
      }
    }
    std::ranges::sort(reached);
    std::vector<std::size_t> meant;
    for (std::size_t to = named.to; to <= named.to_last.value_or(named.to); ++to) {
      meant.push_back(to);
    }
    CHECK(reached == meant);
  }
  return segments;
}

// Lines of two transitions lie on each other only where they leave or reach the same state.
void check_apart(const std::vector<Segment>& segments) {
  std::map<std::pair<bool, int>, std::vector<Segment>> tracks;
  for (const Segment& segment : segments) {
    tracks[{segment.is_flat(), segment.is_flat() ? segment.from.y : segment.from.x}].push_back(
        segment);
  }
  for (const auto& [track, all] : tracks) {
    for (const Segment& a : all) {
      for (const Segment& b : all) {
        if (a.transition == b.transition) continue;
        const bool is_on_other = track.first
                                     ? overlap(span(a.from.x, a.to.x), span(b.from.x, b.to.x))
                                     : overlap(span(a.from.y, a.to.y), span(b.from.y, b.to.y));
        const bool may_be = !track.first && (a.begins == b.begins || a.ends == b.ends);
        const bool is_fine = !is_on_other || may_be;
        CHECK(is_fine);
      }
    }
  }
}

// Every transition has a number, on its own line, and no number covers a state or another number.
void check_labels(const AutomatonDrawing& drawing) {
  std::vector<Point> labels;
  for (const DrawnTransition& transition : drawing.transitions) {
    const bool has_number = !transition.labels.empty() || transition.lines.empty();
    CHECK(has_number);
    for (const Point& label : transition.labels) {
      const bool is_on_line = std::ranges::any_of(transition.lines, [&](const DrawnLine& line) {
        const Point from = line.points[line.points.size() == 2 ? 0 : 1];
        const Point to = line.points[line.points.size() == 2 ? 1 : 2];
        return label.y == from.y && overlap(span(from.x, to.x), {label.x, label.x});
      });
      CHECK(is_on_line);
      labels.push_back(label);
    }
  }
  const int radius = library::kLabelRadius;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const Span across{labels[i].x - radius, labels[i].x + radius};
    const Span down{labels[i].y - radius, labels[i].y + radius};
    CHECK(is_inside(drawing, {across.low, down.low}));
    CHECK(is_inside(drawing, {across.high, down.high}));
    for (const DrawnState& state : drawing.states) {
      const bool is_over_state = overlap(across, {state.x, state.x + state.width}) &&
                                 overlap(down, {state.y, state.y + state.height});
      CHECK_FALSE(is_over_state);
    }
    for (std::size_t j = i + 1; j < labels.size(); ++j) {
      const bool is_over_label = std::abs(labels[i].x - labels[j].x) < 2 * radius &&
                                 std::abs(labels[i].y - labels[j].y) < 2 * radius;
      CHECK_FALSE(is_over_label);
    }
  }
}

void check_drawing(const NamedAutomaton& automaton) {
  const AutomatonDrawing drawing = library::lay_out(automaton);
  check_states(automaton, drawing);
  check_apart(checked_lines(automaton, drawing));
  check_labels(drawing);
}

std::string random_name(Random& random) {
  std::string name;
  const std::size_t length = random.chance(10) ? random.below(200) : 1 + random.below(12);
  for (std::size_t i = 0; i < length; ++i) {
    name += random.pick<std::string>({"a", "W", "_", "<", "&", "\"", "'", "]]>", "é", "字", "😀"});
  }
  return name;
}
NamedAutomaton random_automaton(Random& random, std::size_t states_most) {
  NamedAutomaton automaton;
  const std::size_t states = 1 + random.below(states_most);
  for (std::size_t i = 0; i < states; ++i)
    automaton.states.push_back({.name = random_name(random), .takes = "x"});
  automaton.states.front().kind = cep::AutomatonState::Kind::kStart;
  automaton.states.back().kind = cep::AutomatonState::Kind::kMatch;
  for (std::size_t i = random.below(3 * states); i > 0; --i) {
    rules::NamedTransition transition{.from = random.below(states), .to = random.below(states)};
    if (random.chance(30))
      transition.to_last = transition.to + random.below(states - transition.to);
    transition.takes = random.chance(80);
    transition.ends.push_back(random_name(random));
    automaton.transitions.push_back(transition);
  }
  return automaton;
}

// Start, then so many states that follow each other in any order, each at most once.
NamedAutomaton all_of(std::size_t places) {
  NamedAutomaton automaton;
  automaton.states.push_back({.name = "start", .kind = cep::AutomatonState::Kind::kStart});
  for (std::size_t i = 1; i <= places; ++i) {
    automaton.states.push_back({.name = fmt::format("place_{}", i), .takes = "`payment`"});
  }
  automaton.states.push_back({.name = "match", .kind = cep::AutomatonState::Kind::kMatch});
  for (std::size_t i = 0; i <= places; ++i) {
    automaton.transitions.push_back({.from = i, .to = 1, .to_last = places});
  }
  automaton.transitions.push_back({.from = places, .to = places + 1, .takes = false});
  return automaton;
}

// Tags close in order; names, values and texts hold only what XML allows there.
void check_xml(const std::string& text) {
  std::vector<std::string> open;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '<') {
      CHECK(text[at] != '>');
      if (text[at] == '&') {
        const std::string entity = text.substr(at, text.find(';', at) - at);
        const bool is_known =
            entity == "&amp" || entity == "&lt" || entity == "&gt" || entity == "&quot";
        CHECK(is_known);
      }
      const bool is_printed = static_cast<unsigned char>(text[at]) >= 0x20 || text[at] == '\n';
      CHECK(is_printed);
      ++at;
      continue;
    }
    const std::size_t end = text.find('>', at);
    REQUIRE(end != std::string::npos);
    const std::string tag = text.substr(at + 1, end - at - 1);
    CHECK(tag.find('<') == std::string::npos);
    CHECK(std::ranges::count(tag, '"') % 2 == 0);
    if (tag.starts_with('/')) {
      REQUIRE_FALSE(open.empty());
      CHECK(tag.substr(1) == open.back());
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
    at = end + 1;
  }
  CHECK(open.empty());
}

TEST_CASE("automaton picture: nothing lies on anything else, whatever the automaton") {
  for_all_seeds("PICTURE", 300, [](Random& random) {
    const NamedAutomaton automaton = random_automaton(random, random.chance(10) ? 66 : 9);
    check_drawing(automaton);
    const std::string picture =
        library::automata_svg({{random_name(random), random_name(random), automaton}});
    check_xml(picture);
  });
}

TEST_CASE("automaton picture: of random rules, and always the same way") {
  for_all_seeds("PICTURE", 60, [](Random& random) {
    const auto plan = std::make_shared<const cep::Plan>(random_language_plan(random));
    const Result<cep::Program> program = cep::compile(plan, kOutOfReach);
    REQUIRE_MESSAGE(program.has_value(), (program ? std::string() : program.error().message));
    std::vector<cep::RuleIndex> all;
    for (std::size_t i = 0; i < plan->rules.size(); ++i) {
      all.push_back(cep::RuleIndex(i));
      check_drawing(rules::name_automaton(rules::Words(*plan, &plan->rules[i]),
                                          cep::describe_profile(*program, all.back())));
    }
    const std::string picture = library::explain_svg(*program, all);
    check_xml(picture);
    CHECK(picture == library::explain_svg(*program, all));
  });
}

TEST_CASE("automaton picture: 64 places in any order, and at most two lanes for each transition") {
  const NamedAutomaton automaton = all_of(64);
  check_drawing(automaton);
  const AutomatonDrawing drawing = library::lay_out(automaton);
  CHECK(drawing.height < 2 * 66 * 24 + 200);
  CHECK(library::automata_svg({{"any_order", "", automaton}}).size() < 400'000);
}

TEST_CASE(
    "automaton picture: short transitions are nearest to the row, in one lane where they fit") {
  NamedAutomaton automaton;
  for (const char* name : {"a", "b", "c", "d", "e"}) automaton.states.push_back({.name = name});
  automaton.transitions = {
      {.from = 0, .to = 4}, {.from = 0, .to = 2}, {.from = 2, .to = 4}, {.from = 0, .to = 1}};
  const AutomatonDrawing drawing = library::lay_out(automaton);
  const auto lane = [&](std::size_t i) { return drawing.transitions[i].lines.front().points[1].y; };
  CHECK(lane(1) == lane(2));
  CHECK(lane(0) < lane(1));
  CHECK(lane(3) == drawing.states[0].y + drawing.states[0].height / 2);
}

TEST_CASE("automaton picture: names are cut, and what cannot be seen is shown") {
  CHECK(library::cut_to("abcdef", 6) == "abcdef");
  CHECK(library::cut_to("abcdefg", 6) == "abcd…");
  CHECK(library::cut_to("字字字字", 6) == "字字…");
  CHECK(library::visible_text("a\x01"
                              "b\xFF"
                              "c\u202E"
                              "d\uFFFE") == "a\uFFFDb\uFFFDc\uFFFDd\uFFFD");
}

TEST_CASE("automaton picture: hostile texts stay texts") {
  NamedAutomaton automaton;
  automaton.states = {
      {.name = "<script>alert(1)</script>", .kind = cep::AutomatonState::Kind::kStart},
      {.name = "]]>&amp;\"'", .takes = "`x`", .conditions = {"C1"}}};
  automaton.transitions = {{.from = 0, .to = 1, .passes = "</title><script>"}};
  automaton.conditions = {
      {.name = "C1", .text = "place matches /<\\/svg>/\x1B[31m" + std::string(500, '<')}};
  const std::string picture =
      library::automata_svg({{"</title>", "\"><image href='http://x'/>", automaton}});
  check_xml(picture);
  for (const char* tag : {"<script", "<image", "</title></", "\x1B"}) {
    CHECK(picture.find(tag) == std::string::npos);
  }
  check_golden("explain/picture_hostile.svg", picture);
}

TEST_CASE("automaton picture: the file, byte for byte") {
  NamedAutomaton automaton;
  using Kind = cep::AutomatonState::Kind;
  automaton.states = {{.name = "start", .kind = Kind::kStart},
                      {.name = "probes", .takes = "`payment`", .conditions = {"C1"}},
                      {.name = "entry", .takes = "`login`"},
                      {.name = "match", .kind = Kind::kMatch}};
  automaton.transitions = {{.from = 0, .to = 1, .to_last = 2},
                           {.from = 1,
                            .to = 1,
                            .passes = "ignores what does not fit",
                            .needs = {"fewer than 5 are taken"}},
                           {.from = 1, .to = 2},
                           {.from = 2, .to = 1},
                           {.from = 1,
                            .to = 3,
                            .takes = false,
                            .gives = "complete 5m after the last event",
                            .ends = {"`login`"}},
                           {.from = 2, .to = 3, .takes = false, .gives = "complete at once"}};
  automaton.conditions = {{.name = "C1", .text = "amount < 2"}};
  automaton.always_ends = {"1h after its first event"};
  check_golden("explain/picture.svg",
               library::automata_svg({{"card_testing", "Small probes, then a login", automaton}}));
}
}  // namespace
}  // namespace tocsin::tests

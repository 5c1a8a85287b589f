#include "library/explain/automaton_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "cep/plan/rule.h"
#include "library/explain/automaton_layout.h"

namespace tocsin::library {
namespace {
constexpr int kMargin = 16;
constexpr int kLine = 18;  // from line to line
constexpr int kWidthLeast = 720;
constexpr int kTextMost = 1100;  // wider lines of text are hard to read
// Letters of text are 7.2 pixels wide in every common monospace font of 12 pixels.
constexpr int kTenthsOfColumn = 73;

constexpr std::string_view kStyle = R"(<style>
svg { --ground: #ffffff; --text: #1b1f24; --line: #57606a; --box: #f6f8fa; --mark: #ddf4e4; }
@media (prefers-color-scheme: dark) {
  svg { --ground: #14171a; --text: #e6e9ec; --line: #9aa4ae; --box: #22272c; --mark: #1d3a28; }
}
text { font: 12px "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--text); white-space: pre; }
.ground { fill: var(--ground); }
.name { font-weight: bold; }
.state text { font-size: 13px; text-anchor: middle; }
.state rect { fill: var(--box); stroke: var(--line); stroke-width: 1.5; }
.match rect { fill: var(--mark); }
.way path { fill: none; stroke: var(--line); stroke-width: 1.5; }
.complete path { stroke-dasharray: 5 3; }
.way circle { fill: var(--ground); stroke: var(--line); }
.way text { font-size: 10px; text-anchor: middle; }
.head { fill: var(--line); }
</style>
)";

// Text of XML; also between double quotes.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : visible_text(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// Broken at blanks, and in words that are longer than a line.
std::vector<std::string> lines_of(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines = {""};
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t stop = std::min(text.find_first_of(" \n\t", begin), text.size());
    std::string_view word = text.substr(begin, stop - begin);
    begin = stop + 1;
    if (word.empty()) continue;
    const std::size_t used = columns_of(lines.back());
    if (used > 0 && used + 1 + columns_of(word) > columns) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    while (columns_of(word) > columns) {
      const std::size_t bytes = bytes_within(word, columns);
      lines.back() = word.substr(0, bytes);
      lines.emplace_back();
      word.remove_prefix(bytes);
    }
    lines.back() += word;
  }
  return lines;
}

std::string without_code_marks(std::string text) {
  std::erase(text, '`');
  return text;
}

// "start to a: takes payment with C1; ignores what does not fit"
std::string sentence(const rules::NamedAutomaton& automaton,
                     const rules::NamedTransition& transition) {
  std::string out = automaton.states[transition.from].name + " to ";
  if (transition.to_last) {
    out += "others";
  } else {
    out += automaton.states[transition.to].name;
  }
  out += transition.takes ? ": takes " : ": ";
  const std::vector<std::string> clauses = rules::transition_clauses(automaton, transition);
  return without_code_marks(out + fmt::format("{}", fmt::join(clauses, "; ")));
}

class Picture {
 public:
  void add(const PicturedRule& rule, const AutomatonDrawing& drawing, std::size_t columns) {
    columns_ = columns;
    y_ += kMargin;
    add_text("", rule.name, " class=\"name\"");
    if (!rule.title.empty()) add_text("", rule.title);
    body_ += fmt::format("<g transform=\"translate(0 {})\">\n", y_);
    add_drawing(rule.automaton, drawing);
    body_ += "</g>\n";
    y_ += drawing.height + kLine / 2;
    for (std::size_t i = 0; i < rule.automaton.transitions.size(); ++i) {
      add_text(fmt::format("{:>3}  ", i + 1),
               sentence(rule.automaton, rule.automaton.transitions[i]));
    }
    for (const rules::Passage& takes : rules::events_of_fans(rule.automaton)) {
      add_text("     ", without_code_marks(takes.text));
    }
    y_ += kLine / 2;
    for (const rules::NamedCondition& condition : rule.automaton.conditions) {
      add_text(fmt::format("{:>3}  ", condition.name), condition.text);
    }
    for (const std::string& end : rule.automaton.always_ends) {
      add_text("     ", "Every partial match is ended by: " + without_code_marks(end));
    }
    y_ += kMargin;
  }
  int height() const { return y_; }
  const std::string& body() const { return body_; }

 private:
  // In lines; later ones stand under the first.
  void add_text(std::string_view begin, std::string_view text, std::string_view attributes = "") {
    const int x = kMargin + static_cast<int>(begin.size()) * kTenthsOfColumn / 10;
    bool is_first = true;
    for (const std::string& line : lines_of(text, columns_ - begin.size())) {
      y_ += kLine;
      if (is_first && !begin.empty()) {
        body_ += fmt::format("<text x=\"{}\" y=\"{}\">{}</text>\n", kMargin, y_, escaped(begin));
      }
      body_ +=
          fmt::format("<text x=\"{}\" y=\"{}\"{}>{}</text>\n", x, y_, attributes, escaped(line));
      is_first = false;
    }
  }
  void add_drawing(const rules::NamedAutomaton& automaton, const AutomatonDrawing& drawing) {
    for (std::size_t i = 0; i < drawing.transitions.size(); ++i) {
      body_ += fmt::format("<g class=\"way{}\"><path d=\"{}\"/></g>\n",
                           automaton.transitions[i].takes ? "" : " complete",
                           path_of(drawing.transitions[i]));
    }
    for (const std::string& head : drawing.heads) {
      body_ += fmt::format("<path class=\"head\" d=\"{}\"/>\n", head);
    }
    for (std::size_t i = 0; i < drawing.transitions.size(); ++i) {
      for (const Point& at : drawing.transitions[i].labels) {
        body_ += fmt::format(
            "<g class=\"way\"><title>{}</title><circle cx=\"{}\" cy=\"{}\" r=\"{}\"/>"
            "<text x=\"{}\" y=\"{}\">{}</text></g>\n",
            escaped(sentence(automaton, automaton.transitions[i])), at.x, at.y, kLabelRadius, at.x,
            at.y + 4, i + 1);
      }
    }
    for (std::size_t i = 0; i < drawing.states.size(); ++i) {
      add_state(automaton.states[i], drawing.states[i]);
    }
  }
  void add_state(const rules::NamedState& state, const DrawnState& drawn) {
    const bool is_step = state.kind == cep::AutomatonState::Kind::kStep;
    const bool is_match = state.kind == cep::AutomatonState::Kind::kMatch;
    body_ += fmt::format(
        "<g class=\"state{}\">{}<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>"
        "<text x=\"{}\" y=\"{}\">{}</text></g>\n",
        is_match ? " match" : "",
        drawn.is_cut ? fmt::format("<title>{}</title>", escaped(state.name)) : "", drawn.x, drawn.y,
        drawn.width, drawn.height, is_step ? 5 : drawn.height / 2, drawn.x + drawn.width / 2,
        drawn.y + drawn.height / 2 + 4, escaped(drawn.text));
  }

  std::string body_;
  std::size_t columns_ = 0;
  int y_ = 0;
};

// What a screen reader says of the whole.
std::string description(const std::vector<PicturedRule>& pictured) {
  std::string out;
  for (const PicturedRule& rule : pictured) {
    std::vector<std::string> names;
    for (const rules::NamedState& state : rule.automaton.states) names.push_back(state.name);
    out += fmt::format(
        "{}{}: the states {}; the text below the picture says what each transition takes.",
        out.empty() ? "" : " ", rule.name, fmt::join(names, ", "));
  }
  return out;
}
}  // namespace

std::string automata_svg(const std::vector<PicturedRule>& pictured) {
  std::vector<AutomatonDrawing> drawings;
  int width = kWidthLeast;
  std::vector<std::string> names;
  for (const PicturedRule& rule : pictured) {
    drawings.push_back(lay_out(rule.automaton));
    width = std::max(width, drawings.back().width);
    names.push_back(rule.name);
  }
  const int text_width = std::min(width, kTextMost) - 2 * kMargin;
  Picture picture;
  for (std::size_t i = 0; i < pictured.size(); ++i) {
    picture.add(pictured[i], drawings[i],
                static_cast<std::size_t>(text_width * 10 / kTenthsOfColumn));
  }
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
             "viewBox=\"0 0 {0} {1}\" role=\"graphics-document document\" "
             "aria-labelledby=\"picture-title\" aria-describedby=\"picture-text\">\n"
             "<title id=\"picture-title\">{2} {3}</title>\n<desc id=\"picture-text\">{4}</desc>\n",
             width, picture.height(), pictured.size() == 1 ? "Automaton of" : "Automata of",
             escaped(fmt::format("{}", fmt::join(names, ", "))), escaped(description(pictured))) +
         std::string(kStyle) + "<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n" +
         picture.body() + "</svg>\n";
}

std::string explain_svg(const cep::Program& program, const std::vector<cep::RuleIndex>& chosen) {
  const cep::Plan& plan = program.plan();
  std::vector<PicturedRule> pictured;
  for (const cep::RuleIndex index : chosen) {
    const cep::Rule& rule = plan.rules[index.value];
    pictured.push_back(
        {rule.name, rule.title,
         rules::name_automaton(rules::Words(plan, &rule), cep::describe_profile(program, index))});
  }
  return automata_svg(pictured);
}
}  // namespace tocsin::library

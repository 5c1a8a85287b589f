#include "api/rules/explain_dot.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "cep/plan/rule.h"
#include "rules/explain/explain_automaton.h"

namespace tocsin::api {
namespace {
// A label's text: in Graphviz's quotes a backslash begins an escape. Back-quotes are for prose.
std::string label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '`') continue;
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}
// The same in lines of some forty characters, each ended by `end` ("\n" centred, "\l" to the left).
std::string wrapped_label(std::string_view text, std::string_view end) {
  constexpr std::size_t kLineMost = 40;
  std::string out;
  std::size_t width = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t stop = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, stop - begin);
    begin = stop + 1;
    if (word.empty()) continue;
    if (width > 0 && width + word.size() > kLineMost) {
      out += end;
      width = 0;
    }
    if (width > 0) out += ' ';
    out += label(word);
    width += word.size() + 1;
  }
  return out + std::string(end);
}

std::string transition_label(const rules::NamedAutomaton& automaton,
                             const rules::NamedTransition& transition) {
  std::string out;
  for (const std::string& clause : rules::transition_clauses(automaton, transition)) {
    out += wrapped_label(clause, "\\n");
  }
  return out;
}

void append_rule(std::string& out, const cep::Program& program, cep::RuleIndex index) {
  const cep::Plan& plan = program.plan();
  const cep::Rule& rule = plan.rules[index.value];
  const rules::NamedAutomaton automaton =
      rules::name_automaton(rules::Words(plan, &rule), cep::describe_profile(program, index));
  const auto node = [&](std::size_t state) { return fmt::format("r{}_s{}", index.value, state); };
  out += fmt::format("  subgraph cluster_{} {{\n    label=\"{}\\n{}\"\n", index.value,
                     label(rule.name), label(rule.title));
  for (std::size_t i = 0; i < automaton.states.size(); ++i) {
    const rules::NamedState& state = automaton.states[i];
    const char* shape = "ellipse";
    if (state.kind == cep::AutomatonState::Kind::kStart) shape = "circle";
    if (state.kind == cep::AutomatonState::Kind::kMatch) shape = "doublecircle";
    out += fmt::format("    {} [shape={}, label=\"{}\"]\n", node(i), shape, label(state.name));
  }
  for (const rules::NamedTransition& transition : automaton.transitions) {
    const std::size_t last = transition.to_last.value_or(transition.to);
    for (std::size_t to = transition.to; to <= last; to = to < last ? last : to + 1) {
      out += fmt::format("    {} -> {} [label=\"{}\"{}]\n", node(transition.from), node(to),
                         transition_label(automaton, transition),
                         transition.takes ? "" : ", style=dashed");
    }
  }
  std::string notes;
  for (const rules::NamedCondition& condition : automaton.conditions) {
    notes += wrapped_label(condition.name + ": " + condition.text, "\\l");
  }
  for (const std::string& end : automaton.always_ends) {
    notes += wrapped_label("every partial match is ended by: " + end, "\\l");
  }
  if (!notes.empty()) {
    out += fmt::format("    r{}_notes [shape=note, label=\"{}\"]\n", index.value, notes);
  }
  out += "  }\n";
}
}  // namespace

std::string explain_dot(const cep::Program& program, const std::vector<cep::RuleIndex>& rules) {
  std::string out =
      "digraph tocsin {\n  rankdir=LR\n  fontname=\"sans-serif\"\n"
      "  node [fontname=\"sans-serif\"]\n  edge [fontname=\"sans-serif\", fontsize=10]\n";
  for (const cep::RuleIndex rule : rules) append_rule(out, program, rule);
  return out + "}\n";
}
}  // namespace tocsin::api

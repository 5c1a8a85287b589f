#include "library/explain/explain_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "cep/plan/rule.h"
#include "rules/explain/explain_profile.h"

namespace tocsin::library {
namespace {
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void append_passages(std::string& out, const std::vector<rules::Passage>& passages, bool numbered,
                     const std::string& indent, bool bullets, std::size_t columns) {
  std::size_t number = 0;
  for (const rules::Passage& passage : passages) {
    std::string mark = indent;
    if (numbered) {
      mark += std::to_string(++number) + ". ";
    } else if (bullets) {
      mark += "- ";
    }
    append_wrapped(out, mark, passage.text, columns);
    append_passages(out, passage.parts, passage.numbered, std::string(width_of(mark), ' '), true,
                    columns);
  }
}
}  // namespace

void append_wrapped(std::string& out, const std::string& first, const std::string& text,
                    std::size_t columns) {
  const std::size_t indent = width_of(first);
  std::string line = first;
  std::size_t width = indent;
  bool is_empty = true;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word(text.data() + begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    const std::size_t more = width_of(word);
    if (!is_empty && width + 1 + more > columns) {
      out += line + '\n';
      line.assign(indent, ' ');
      width = indent;
      is_empty = true;
    }
    if (!is_empty) line += ' ';
    width += more + (is_empty ? 0 : 1);
    line += word;
    is_empty = false;
  }
  out += line + '\n';
}

std::string aspect_text(const rules::ExplainedAspect& aspect, const TextStyle& style) {
  std::string out = style.coloured ? "\x1b[1m" + aspect.heading + "\x1b[0m" : aspect.heading;
  out += '\n';
  append_passages(out, aspect.passages, aspect.numbered, "  ", false, style.columns);
  return out;
}

std::string explanation_text(const cep::Program& program, cep::RuleIndex index,
                             const RuleAnalysis* analysis, const TextStyle& style) {
  const cep::Rule& rule = program.plan().rules[index.value];
  std::string text;
  append_wrapped(text, "", fmt::format("rule {} \"{}\"", rule.name, rule.title), style.columns);
  for (const rules::ExplainedAspect& aspect : rules::explain(program.plan(), index)) {
    text += '\n' + aspect_text(aspect, style);
  }
  for (const rules::ExplainedAspect& aspect : rules::explain_profile(program, index)) {
    text += '\n' + aspect_text(aspect, style);
  }
  if (analysis != nullptr) text += '\n' + aspect_text(analysis_aspect(*analysis), style);
  return text;
}
}  // namespace tocsin::library

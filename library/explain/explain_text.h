/// An explanation as text for people: headings, paragraphs and lists, wrapped.
#pragma once
#include <cstddef>
#include <string>

#include "cep/engine/engine.h"
#include "library/explain/rule_analysis.h"
#include "rules/explain/explain.h"

namespace tocsin::library {
/// How wide text may be and whether headings are set off.
struct TextStyle {
  std::size_t columns = 100;
  bool coloured = false;
};
/// Appends `text` in lines of at most `columns` characters (code points; a longer word stays
/// whole), the first one after `first`, the others indented by as much.
void append_wrapped(std::string& out, const std::string& first, const std::string& text,
                    std::size_t columns);
/// The heading and what stands below it, each line ended.
std::string aspect_text(const rules::ExplainedAspect& aspect, const TextStyle& style);
/// All that is said of a rule of the program's plan; `analysis`, where there is one, comes last.
std::string explanation_text(const cep::Program& program, cep::RuleIndex rule,
                             const RuleAnalysis* analysis, const TextStyle& style);
}  // namespace tocsin::library

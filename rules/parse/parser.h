/// From the text of one rule file to its syntax tree (recursive descent; design: grammar in
/// docs/language.md).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "rules/syntax/token.h"
#include "rules/syntax/tree.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
/// What one file may cost.
struct ParseLimits {
  std::size_t bytes_max = 16U << 20;  // E0116 beyond it, and nothing of the file is read
  std::uint32_t mistakes_max = 1000;  // E0127 beyond it, and the rest of the file is not read
};
/// Parses file `file` of `sources`. Mistakes go to `sink`, one diagnostic each, and parsing resumes
/// after each, so that one run finds all of them; what could not be read is left out of the tree,
/// which says so (`broken`). Never fails otherwise, whatever the bytes are: time is linear in the
/// text, recursion bounded by tree::kNestingMax.
/// `places`, where given, takes the file's tokens in their order, without the end; all of them when
/// nothing was reported.
tree::File parse(const SourceMap& sources, std::uint32_t file, DiagnosticSink& sink,
                 const ParseLimits& limits = {}, std::vector<TokenPlace>* places = nullptr);
/// The same of a text that is one condition and nothing else; null where nothing of it could be
/// read, which is reported.
tree::ExprPtr parse_condition(const SourceMap& sources, std::uint32_t file, DiagnosticSink& sink,
                              const ParseLimits& limits = {});
}  // namespace tocsin::rules

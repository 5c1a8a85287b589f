/// What of a rule may be varied: its bounds. They are the numbers and durations of comparisons
/// (`<`, `<=`, `>`, `>=`, `between`), counts of loops, and durations of `within`, of windows and of
/// absences. A constant that stands in a comparison is varied where it stands. How often a rule
/// alerts (`once`, `at most`) and what it says in its alerts is not varied.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "rules/syntax/tree.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
struct VariableLiteral {
  SourceSpan span;                      // of the literal, or of the constant's name
  std::string written;                  // what stands there
  std::string value;                    // the literal; of a constant, its value
  std::vector<std::string> neighbours;  // other literals; one or more
};
/// A rule with the literals that can be varied, by their place.
struct VariableRule {
  std::string name;
  SourceSpan span;
  SourceSpan name_span;
  std::optional<SourceSpan> id_span;  // of the word behind `id`
  /// It reads the alerts of every rule (`any alert`), and so those of its own variants.
  bool reads_any_alert = false;
  std::vector<VariableLiteral> literals;
};
/// The rules of files that parsed without a mistake, in the order of the files. Constants of one
/// file are known in all.
std::vector<VariableRule> find_variable_rules(const SourceMap& sources,
                                              const std::vector<tree::File>& files);
}  // namespace tocsin::rules

/// The clauses of a rule around its pattern or window: which matches become alerts, and what an
/// alert says.
#pragma once
#include <optional>

#include "rules/context/check_context.h"
#include "rules/context/scope.h"
#include "rules/expression/check_expression.h"
#include "rules/pattern/pattern_draft.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// A rule while its clauses are checked; its pattern's steps and its key are known.
struct RuleDraft {
  CheckContext& context;
  const tree::Rule& tree;
  cep::Rule& rule;
  const RuleScope& scope;
  const PatternDraft& pattern;
  bool is_window = false;
  EventTypes last_types;  // of the last event taken
  bool last_types_known = false;
  const std::vector<Conjunct>& known;  // of the events of a match

  /// Of what is asked of a complete match: the current event is the last one taken.
  ExprScope match_scope() const;
  /// Reports a condition on a complete match that never holds, by the code `never`.
  void warn_of(const ExprScope& match, const Condition& condition, Code never = Code::kW0003) const;
};
/// `after match`, `prefer latest`.
void check_selection(RuleDraft& draft);
/// `without KINDS [where C] [for D]`; `kinds`: its, resolved.
void check_without(RuleDraft& draft, const ResolvedKinds& kinds);
/// `except "reason" where C [expires DATE]`.
void check_exceptions(RuleDraft& draft);
/// `once`, `at most`.
void check_suppression(RuleDraft& draft);
/// Severity, message and fields.
void check_alert(RuleDraft& draft);

/// The step of this name; absent, and reported, where there is none.
std::optional<std::size_t> find_variable(CheckContext& context, const RuleScope& scope,
                                         const tree::Name& name);
/// Reports that the clause at `clause` does not stand beside the one at `other`.
void report_conflict(CheckContext& context, SourceSpan clause, std::string message,
                     SourceSpan other, std::string other_label, std::string help);
}  // namespace tocsin::rules

// Which of the complete matches become alerts: `after match`, `prefer latest`, `without`, `except`.
#include <fmt/format.h>

#include <algorithm>

#include "cep/plan/rule.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/lint/contradiction.h"
#include "rules/pattern/check_clauses.h"

namespace tocsin::rules {
namespace {
cep::SelectionKind kind_of(tree::AfterMatch strategy) {
  switch (strategy) {
    case tree::AfterMatch::kNoSkip:
      return cep::SelectionKind::kNoSkip;
    case tree::AfterMatch::kSkipPastLast:
      return cep::SelectionKind::kSkipPastLast;
    case tree::AfterMatch::kSkipToNext:
      return cep::SelectionKind::kSkipToNext;
    case tree::AfterMatch::kSkipToFirst:
      return cep::SelectionKind::kSkipToFirst;
    case tree::AfterMatch::kSkipToLast:
      return cep::SelectionKind::kSkipToLast;
    case tree::AfterMatch::kConsume:
      break;
  }
  return cep::SelectionKind::kConsume;
}

void check_target(RuleDraft& draft, const tree::Name& name) {
  if (name.text.empty()) return;
  const auto step = find_variable(draft.context, draft.scope, name);
  if (!step) return;
  const bool outer = std::ranges::any_of(draft.pattern.elements, [&](const ElementDraft& element) {
    return element.symbol() == step;
  });
  if (outer) {
    draft.rule.selection.var = draft.scope.steps[*step].var;
    return;
  }
  if (draft.pattern.broken) return;
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0426, name.span, fmt::format("the step {} is inside a group", in_code(name.text)));
  diagnostic.labels.push_back({draft.scope.steps[*step].span, "taken here"});
  diagnostic.helps.push_back("skip to a step of the outermost sequence, or to a named `one of`");
  draft.context.sink.report(std::move(diagnostic));
}
}  // namespace

std::optional<std::size_t> find_variable(CheckContext& context, const RuleScope& scope,
                                         const tree::Name& name) {
  const auto found = scope.step_by_name.find(name.text);
  if (found != scope.step_by_name.end()) {
    note_use(context, name.span, scope.steps[found->second].span);
    return found->second;
  }
  std::vector<std::string> candidates;
  const StepSymbol* unnamed = nullptr;
  for (const StepSymbol& step : scope.steps) {
    if (!step.name.empty()) candidates.emplace_back(step.name);
    if (step.name.empty() && step.kind == name.text) unnamed = &step;
  }
  Diagnostic diagnostic = make_diagnostic(Code::kE0204, name.span,
                                          fmt::format("no step is named {}", in_code(name.text)));
  if (unnamed != nullptr) {
    diagnostic.labels.push_back({unnamed->span, "this step has no name"});
    diagnostic.helps.push_back(
        fmt::format("give it one: `{} as {}`", name.text, name.text.substr(0, 1)));
  } else if (!suggest(context, diagnostic, name.text, candidates)) {
    if (scope.steps_incomplete) return std::nullopt;
    diagnostic.helps.push_back(candidates.empty()
                                   ? std::string("a step gets a name by `as`: `payment as p`")
                                   : "the steps here are " + one_of(candidates));
  }
  context.sink.report(std::move(diagnostic));
  return std::nullopt;
}

void report_conflict(CheckContext& context, SourceSpan clause, std::string message,
                     SourceSpan other, std::string other_label, std::string help) {
  Diagnostic diagnostic = make_diagnostic(Code::kE0427, clause, std::move(message));
  diagnostic.labels.push_back({other, std::move(other_label)});
  diagnostic.helps.push_back(std::move(help));
  context.sink.report(std::move(diagnostic));
}

ExprScope RuleDraft::match_scope() const {
  ExprScope match;
  match.place = Place::kMatch;
  match.types = last_types;
  match.types_broken = !last_types_known;
  match.rule = &scope;
  match.steps_visible = scope.steps.size();
  return match;
}

void RuleDraft::warn_of(const ExprScope& match, const Condition& condition, Code never) const {
  if (condition.broken) return;
  warn_of_condition(context, match, known, {}, condition.conjuncts, never);
}

void check_selection(RuleDraft& draft) {
  const tree::Rule& tree = draft.tree;
  cep::Selection& selection = draft.rule.selection;
  selection.prefer_latest = tree.prefer_latest.has_value();
  if (!tree.after) return;
  const tree::AfterClause& after = *tree.after;
  selection.kind = kind_of(after.strategy);
  selection.in_order = after.in_order.has_value();
  if (after.var) check_target(draft, *after.var);
  if (tree.prefer_latest && after.in_order) {
    report_conflict(draft.context, tree.prefer_latest->span, "`prefer latest` beside `in order`",
                    *after.in_order, "gives the match that began first before the others",
                    "leave one of them out");
  }
}

void check_without(RuleDraft& draft, const ResolvedKinds& kinds) {
  const tree::WithoutClause& tree = *draft.tree.without;
  cep::Without& without = draft.rule.without.emplace();
  without.events = kinds.subsets;
  if (tree.where) {
    ExprScope scope = draft.match_scope();
    scope.place = Place::kAbsence;
    scope.types = kinds.types;
    scope.types_broken = kinds.broken;
    const Condition where = check_condition({draft.context, scope}, *tree.where);
    if (!where.broken) {
      warn_of_condition(draft.context, scope, {}, kinds.alternatives, where.conjuncts);
    }
    without.where = where.expr();
  }
  if (!tree.absent_for) return;
  SourceSpan span = tree.for_span;
  span.end = tree.absent_for->span.end;
  if (require_positive(draft.context, *tree.absent_for, "for")) {
    without.absent_for = tree.absent_for->value;
  }
  if (draft.tree.within) {
    report_conflict(draft.context, draft.tree.within->span, "`within` beside `without … for`", span,
                    "all steps happen, and the alert is raised, within this time",
                    "leave `within` out, or `for`");
  }
}

void check_exceptions(RuleDraft& draft) {
  const ExprScope scope = draft.match_scope();
  const ExprContext c{draft.context, scope};
  for (const tree::ExceptClause& tree : draft.tree.excepts) {
    if (!tree.where) continue;
    const Condition where = check_condition(c, *tree.where);
    draft.warn_of(scope, where);
    draft.rule.exceptions.push_back({tree.reason.text, where.expr(), tree.expires});
  }
}
}  // namespace tocsin::rules

// Alerts that are suppressed: `once`, `at most`.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/plan/rule.h"
#include "cep/plan/suppression_spec.h"
#include "rules/context/report.h"
#include "rules/lint/contradiction.h"
#include "rules/pattern/check_clauses.h"

namespace tocsin::rules {
namespace {
constexpr std::int64_t kAtMostMax = 100'000;

void check_for_each(RuleDraft& draft, const std::vector<tree::ExprPtr>& trees,
                    std::vector<cep::ExprPtr>& exprs) {
  const ExprScope scope = draft.match_scope();
  const ExprContext c{draft.context, scope};
  for (const tree::ExprPtr& tree : trees) {
    if (!tree) continue;
    if (Checked value = check_expr(c, *tree)) exprs.push_back(std::move(value.expr));
  }
}

// Asked of each event that the rule looks at, with no match.
void check_while(RuleDraft& draft, const tree::Expr& tree) {
  ExprScope scope = draft.match_scope();
  scope.place = Place::kWhile;
  scope.types = draft.pattern.types;
  scope.types_broken = draft.pattern.types_broken;
  const Condition condition = check_condition({draft.context, scope}, tree);
  if (!condition.broken) warn_of_condition(draft.context, scope, {}, {}, condition.conjuncts);
  draft.rule.suppression.once = cep::OnceWhile{condition.expr()};
}

void check_unit(RuleDraft& draft, cep::CalendarUnit unit, const tree::Zone& tree) {
  const ExprScope scope = draft.match_scope();
  Checked zone = check_zone({draft.context, scope}, tree);
  if (!zone) return;
  draft.rule.suppression.once = cep::OncePerUnit{unit, std::move(zone.expr)};
}

// `once per day`, `once per card`: what is meant by a name that is no step's.
bool report_no_step(RuleDraft& draft, const tree::Name& name) {
  struct Unit {
    std::string_view written, meant;
  };
  static constexpr Unit kUnits[] = {{"second", "1s"}, {"minute", "1m"},   {"hour", "1h"},
                                    {"day", "1d"},    {"week", "1w"},     {"month", "30d"},
                                    {"year", "365d"}, {"daily", "1d"},    {"hourly", "1h"},
                                    {"weekly", "1w"}, {"monthly", "30d"}, {"yearly", "365d"}};
  static constexpr Unit kCalendar[] = {
      {"day", "24 hours"}, {"week", "7 days"}, {"month", "30 days"}, {"year", "365 days"}};
  if (draft.scope.step_by_name.contains(name.text) || draft.scope.steps_incomplete) return false;
  const auto* unit = std::ranges::find(kUnits, name.text, &Unit::written);
  Diagnostic diagnostic = make_diagnostic(Code::kE0204, name.span,
                                          fmt::format("no step is named {}", in_code(name.text)));
  if (unit != std::end(kUnits)) {
    diagnostic.message = fmt::format("{} is not a time to suppress alerts for", in_code(name.text));
    diagnostic.primary.text = fmt::format("write `{}`", unit->meant);
    diagnostic.edit = Edit{name.span, std::string(unit->meant)};
    const auto* calendar = std::ranges::find(kCalendar, name.text, &Unit::written);
    if (calendar != std::end(kCalendar)) {
      diagnostic.helps.push_back(
          fmt::format("`once per {}` is {} from an alert; a {} of the calendar has a time zone: "
                      "`once per {} in "
                      "\"Europe/Berlin\"`",
                      unit->meant, calendar->meant, name.text, name.text));
    }
    draft.context.sink.report(std::move(diagnostic));
    return true;
  }
  const std::vector<cep::KeyPart>* parts = draft.scope.key ? &draft.scope.key->parts : nullptr;
  const bool key = parts != nullptr && std::ranges::any_of(*parts, [&](const cep::KeyPart& part) {
                     return part.name == name.text;
                   });
  const std::vector<std::string> fields = field_names(draft.context, draft.pattern.types);
  if (!key && std::ranges::find(fields, name.text) == fields.end()) return false;
  diagnostic.primary.text = key ? "a part of the key" : "a field";
  diagnostic.helps.push_back(
      key ? std::string(
                "alerts are suppressed for each key in any case: give a time, as in `once per 1h`")
          : fmt::format("give a time, and the values: `once per 1h for each {}`", name.text));
  draft.context.sink.report(std::move(diagnostic));
  return true;
}

void check_once(RuleDraft& draft, const tree::OnceClause& once) {
  cep::Suppression& suppression = draft.rule.suppression;
  check_for_each(draft, once.for_each, suppression.for_each);
  switch (once.form) {
    case tree::OnceForm::kPerDuration:
      if (once.duration && require_positive(draft.context, *once.duration, "once per")) {
        suppression.once = cep::OncePerDuration{once.duration->value};
      }
      return;
    case tree::OnceForm::kPerUnit:
      if (once.zone) check_unit(draft, once.unit, *once.zone);
      return;
    case tree::OnceForm::kPerVariable: {
      if (!once.var || once.var->text.empty()) return;
      if (draft.is_window) {
        return report_conflict(
            draft.context, once.keyword_span, "`once per` a window", draft.tree.when->keyword_span,
            "every window has a first event of its own", "suppress alerts by time: `once per 1h`");
      }
      if (report_no_step(draft, *once.var)) return;
      const auto step = find_variable(draft.context, draft.scope, *once.var);
      if (!step) return;
      suppression.once = cep::OncePerVariable{draft.scope.steps[*step].var};
      return;
    }
    case tree::OnceForm::kWhile:
      if (once.condition) check_while(draft, *once.condition);
      return;
  }
}

void check_at_most(RuleDraft& draft, const tree::AtMostClause& tree) {
  cep::AtMost at_most;
  check_for_each(draft, tree.for_each, at_most.for_each);
  if (tree.count.value < 1 || tree.count.value > kAtMostMax) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0407, tree.count.span,
        tree.count.value < 1 ? "at most no alert at all"
                             : fmt::format("at most more than {} alerts", kAtMostMax));
    diagnostic.helps.push_back(
        tree.count.value < 1 ? "a rule that is never to alert has `status internal`"
                             : "alerts of such a rule are not suppressed: leave the clause out");
    draft.context.sink.report(std::move(diagnostic));
    return;
  }
  if (!require_positive(draft.context, tree.duration, "per")) return;
  at_most.count = static_cast<std::uint32_t>(tree.count.value);
  at_most.duration = tree.duration.value;
  draft.rule.suppression.at_most = std::move(at_most);
}
}  // namespace

void check_suppression(RuleDraft& draft) {
  if (draft.tree.once) check_once(draft, *draft.tree.once);
  if (draft.tree.at_most) check_at_most(draft, *draft.tree.at_most);
}
}  // namespace tocsin::rules

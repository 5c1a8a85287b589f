#include "rules/unreachable_step.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "rules/report.h"

namespace tocsin::rules {
namespace {
void add_conjuncts(const CheckContext& context, const cep::ExprPtr& condition,
                   std::set<std::string>& conjuncts) {
  if (!condition) return;
  if (condition->op == cep::Op::kAnd) {
    for (const cep::ExprPtr& arg : condition->args) add_conjuncts(context, arg, conjuncts);
    return;
  }
  conjuncts.insert(cep::describe(context.plan, *condition));
}

// Whether each event that the step could take is among `events`.
bool covers(const CheckContext& context, const std::vector<cep::Subset>& events,
            const cep::ExprPtr& asked, const cep::Element& step) {
  return !step.events.empty() && std::ranges::all_of(step.events, [&](const cep::Subset& subset) {
    return takes_all(context, events, asked, subset, step.where);
  });
}

void report(CheckContext& context, const ElementDraft& draft, SourceSpan by, std::string label,
            std::string help) {
  Diagnostic diagnostic =
      make_diagnostic(Code::kW0027, draft.step_tree->kinds.span, "no event can reach this step");
  diagnostic.labels.push_back({by, std::move(label)});
  diagnostic.helps.push_back(std::move(help));
  context.sink.report(std::move(diagnostic));
}

bool completes(const std::vector<ElementDraft>& drafts, std::size_t step) {
  return std::ranges::all_of(drafts.begin() + static_cast<std::ptrdiff_t>(step) + 1, drafts.end(),
                             [](const ElementDraft& later) {
                               return later.kind != cep::ElementKind::kAbsence &&
                                      can_be_empty(later);
                             });
}
}  // namespace

bool takes_all(const CheckContext& context, const std::vector<cep::Subset>& events,
               const cep::ExprPtr& asked, const cep::Subset& subset, const cep::ExprPtr& where) {
  std::set<std::string> known;
  add_conjuncts(context, subset.condition, known);
  add_conjuncts(context, where, known);
  return std::ranges::any_of(events, [&](const cep::Subset& own) {
    if (own.type != subset.type || (!own.role.empty() && own.role != subset.role)) return false;
    std::set<std::string> needed;
    add_conjuncts(context, own.condition, needed);
    add_conjuncts(context, asked, needed);
    return std::ranges::includes(known, needed);
  });
}

void warn_of_unreachable_steps(CheckContext& context, const std::vector<ElementDraft>& drafts,
                               const std::vector<cep::Element>& elements,
                               const cep::Without* without, SourceSpan without_span) {
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const cep::Element& step = elements[i];
    if (step.kind != cep::ElementKind::kStep || step.quantifier.min == 0) continue;
    if (!step.until_events.empty() && covers(context, step.until_events, step.until_where, step)) {
      report(context, drafts[i], drafts[i].step_tree->until->kinds.span,
             "each event that fits the step ends it here", "`until` names what ends the loop");
      continue;
    }
    if (step.optional) continue;
    // One event may complete the match although it is forbidden.
    const bool last = completes(drafts, i) && step.quantifier.min <= 1;
    if (last) continue;
    if (i > 0 && elements[i - 1].kind == cep::ElementKind::kAbsence && !elements[i - 1].next &&
        covers(context, elements[i - 1].events, elements[i - 1].where, step)) {
      report(context, drafts[i], drafts[i - 1].absence->kinds.span,
             "each event that fits the step is forbidden here",
             "an absence lasts until the step behind it: ask something else of one of them");
      continue;
    }
    const bool begins = i == 0 && step.quantifier.min <= 1;
    if (without != nullptr && !begins && covers(context, without->events, without->where, step)) {
      report(context, drafts[i], without_span, "each event that fits the step ends the match",
             "`without` forbids its events from the first step to the last");
    }
  }
}
}  // namespace tocsin::rules

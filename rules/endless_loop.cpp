#include "rules/endless_loop.h"

#include <algorithm>

#include "rules/report.h"
#include "rules/unreachable_step.h"

namespace tocsin::rules {
namespace {
bool reads_only_the_event(const cep::Expr& expr) {
  switch (expr.op) {
    case cep::Op::kBound:
    case cep::Op::kPrev:
    case cep::Op::kAggregate:
    case cep::Op::kIsBound:
    case cep::Op::kInLoop:
      return false;
    default:
      break;
  }
  return std::ranges::all_of(
      expr.args, [](const cep::ExprPtr& arg) { return !arg || reads_only_the_event(*arg); });
}

bool is_endless(const cep::Element& element) {
  return element.kind == cep::ElementKind::kStep && element.quantifier.greedy &&
         !element.quantifier.max && element.until_events.empty() &&
         (!element.where || reads_only_the_event(*element.where));
}
}  // namespace

void warn_of_endless_loops(CheckContext& context, const std::vector<ElementDraft>& drafts,
                           const std::vector<cep::Element>& elements) {
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const cep::Element& loop = elements[i];
    if (!loop.children.empty()) {
      warn_of_endless_loops(context, drafts[i].children, loop.children);
      continue;
    }
    if (i + 1 == elements.size() || !is_endless(loop)) continue;
    const cep::Element& next = elements[i + 1];
    if (next.kind != cep::ElementKind::kStep || next.events.empty()) continue;
    const bool never = std::ranges::all_of(next.events, [&](const cep::Subset& subset) {
      return takes_all(context, loop.events, loop.where, subset, next.where);
    });
    if (!never) continue;
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0020, drafts[i].step_tree->count->greedy_span,
                        "no event can leave this loop", "keeps every event that fits it");
    diagnostic.labels.push_back(
        {drafts[i + 1].step_tree->kinds.span, "every event that fits here fits the loop"});
    diagnostic.helps.push_back("leave `greedy` out, or end the loop with `until`");
    context.sink.report(std::move(diagnostic));
  }
}
}  // namespace tocsin::rules

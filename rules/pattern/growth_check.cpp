#include "rules/pattern/growth_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "cep/compile/growth.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/limits.h"
#include "cep/plan/rule.h"
#include "rules/context/report.h"

namespace tocsin::rules {
using cep::ObstacleKind;

namespace {
std::string with_commas(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

class GrowthCheck {
 public:
  GrowthCheck(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule,
              const std::vector<ElementDraft>& drafts)
      : context_(context), tree_(tree), rule_(rule), drafts_(drafts) {}

  void run() {
    const cep::Growth growth = cep::growth_of(context_.plan, rule_);
    if (const auto out = cep::out_of_reach(rule_, growth)) {
      report_out_of_reach(*out);
    } else if (growth.kept == cep::Kept::kPartialMatches && growth.piles_up && growth.lives &&
               growth.ordinary_matches > kLimits.runs_per_key_max) {
      // Without an end in time it is endless_state.
      warn(growth);
    }
  }

 private:
  static constexpr cep::Limits kLimits = {};

  void report_out_of_reach(const cep::OutOfReach& out) {
    const ElementDraft* const draft = draft_of(rule_.pattern, drafts_, out.element);
    const tree::Step* const step = draft != nullptr ? draft->step_tree() : nullptr;
    const SourceSpan span = step != nullptr && step->count
                                ? step->count->span
                                : std::get<tree::Pattern>(tree_.when->what).span;
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0436, span,
        fmt::format("no match of the rule {} can be complete", in_code(tree_.name.text)),
        fmt::format("needs {} {}", with_commas(out.needs),
                    out.of_matches ? "partial matches at once" : "events"));
    if (out.of_matches) {
      diagnostic.notes.push_back(
          fmt::format("each event that the loop takes begins a partial match too; beyond {} of a "
                      "key the oldest are dropped",
                      with_commas(out.most)));
    } else {
      diagnostic.notes.push_back(fmt::format(
          "beyond {} events of a key and rule the oldest are dropped", with_commas(out.most)));
    }
    diagnostic.helps.push_back(
        fmt::format("count with a feature: `count(payment) over last 1d >= {}`",
                    out.element->quantifier().min));
    context_.sink.report(std::move(diagnostic));
  }

  void warn(const cep::Growth& growth) {
    const SourceSpan span = span_of(growth.obstacles.front());
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0051, span,
                        fmt::format("a busy key of the rule {} has {} partial matches",
                                    in_code(tree_.name.text), with_commas(growth.ordinary_matches)),
                        "because of this, each event is offered to all that wait");
    for (const cep::Obstacle& obstacle : growth.obstacles) {
      const SourceSpan other = span_of(obstacle);
      const auto is_there = [&](const Label& label) { return label.span.begin == other.begin; };
      if (other.begin == span.begin || std::ranges::any_of(diagnostic.labels, is_there)) continue;
      diagnostic.labels.push_back({other, "and of this"});
    }
    diagnostic.notes.push_back(
        fmt::format("so many there are if one begins every {} and waits {}; beyond {} the oldest "
                    "are dropped, and the key's next alert says `lost_runs`",
                    cep::format_duration(growth.ordinary_gap), cep::format_duration(*growth.lives),
                    with_commas(kLimits.runs_per_key_max)));
    diagnostic.helps.push_back(remedy(growth.obstacles.front().kind));
    diagnostic.helps.push_back(
        "if no key is so busy, say so: `allow grows \"a customer has few of these a day\"`");
    context_.sink.report(std::move(diagnostic));
  }

  static std::string remedy(ObstacleKind kind) {
    switch (kind) {
      case ObstacleKind::kNoSkip:
      case ObstacleKind::kAfterMatch:
        return "`after match skip past last` keeps none of them; or make `within` shorter";
      case ObstacleKind::kEarlierEvent:
        return "put what is equal into `by`, compare with a feature such as `max(amount of "
               "payment) "
               "over last 1d`, or make `within` shorter";
      case ObstacleKind::kHaving:
        return "ask a feature in the last step, such as `count(payment) over last 1d >= 3`; or "
               "make `within` shorter";
      default:
        return "do without it, ask a feature such as `count(payment) over last 1d >= 3`, or make "
               "`within` shorter";
    }
  }

  // Of one element of `elements`; null where it is none.
  static const ElementDraft* draft_of(const std::vector<cep::Element>& elements,
                                      const std::vector<ElementDraft>& drafts,
                                      const cep::Element* wanted) {
    const std::size_t count = std::min(elements.size(), drafts.size());
    for (std::size_t i = 0; i < count; ++i) {
      if (&elements[i] == wanted) return &drafts[i];
      const ElementDraft* const inner =
          draft_of(elements[i].children(), drafts[i].children(), wanted);
      if (inner != nullptr) return inner;
    }
    return nullptr;
  }

  SourceSpan span_of(const cep::Obstacle& obstacle) const {
    switch (obstacle.kind) {
      case ObstacleKind::kHaving:
        if (tree_.having) return tree_.having->span;
        break;
      case ObstacleKind::kNoSkip:
      case ObstacleKind::kAfterMatch:
        if (tree_.after) return tree_.after->span;
        break;
      case ObstacleKind::kPreferLatest:
        if (tree_.prefer_latest) return tree_.prefer_latest->span;
        break;
      case ObstacleKind::kOnce:
      case ObstacleKind::kForEach:
        if (tree_.once) return tree_.once->span;
        break;
      case ObstacleKind::kAtMost:
        if (tree_.at_most) return tree_.at_most->span;
        break;
      case ObstacleKind::kWithout:
        if (tree_.without) return tree_.without->span;
        break;
      case ObstacleKind::kExcept:
        if (!tree_.excepts.empty()) return tree_.excepts.front().span;
        break;
      default:
        if (obstacle.element != nullptr) return span_of(*obstacle.element);
        break;
    }
    return tree_.name.span;
  }
  // The condition on other events, where the element has one; else the element.
  SourceSpan span_of(const cep::Element& element) const {
    std::vector<cep::ExprPtr> conjuncts;
    cep::split_conjuncts(element.where(), conjuncts);
    for (const cep::ExprPtr& conjunct : conjuncts) {
      const cep::ExprPtr asked =
          element.is_step() ? cep::own_event_to_current(conjunct, element.var()) : conjunct;
      const auto written = context_.written.find(conjunct.get());
      if (cep::reads_run(*asked) && written != context_.written.end()) return written->second.span;
    }
    const ElementDraft* const draft = draft_of(rule_.pattern, drafts_, &element);
    if (draft == nullptr) return tree_.name.span;
    if (draft->absence() != nullptr) return draft->absence()->tree->span;
    return draft->step_tree() != nullptr ? draft->step_tree()->span : tree_.name.span;
  }

  CheckContext& context_;
  const tree::Rule& tree_;
  const cep::Rule& rule_;
  const std::vector<ElementDraft>& drafts_;
};
}  // namespace

void check_growth(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule,
                  const std::vector<ElementDraft>& drafts) {
  GrowthCheck(context, tree, rule, drafts).run();
}
}  // namespace tocsin::rules

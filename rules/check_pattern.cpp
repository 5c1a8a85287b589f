#include "rules/check_pattern.h"

#include <fmt/format.h>

#include <algorithm>

#include "rules/check_expression.h"
#include "rules/contradiction.h"
#include "rules/report.h"

namespace tocsin::rules {
namespace {
constexpr std::int64_t kCountMax = 100'000;

// First pass: steps, their kinds and counts.
class Drafter {
 public:
  Drafter(CheckContext& context, RuleScope& scope, PatternDraft& draft)
      : context_(context), scope_(scope), draft_(draft) {}

  void add(const tree::Element& element) {
    if (element.within) {
      refuse(element.within_span, "then within", "`within` bounds the whole rule");
    }
    if (const auto* absence = std::get_if<tree::Absence>(&element.body)) {
      add_absence(element, *absence);
    } else {
      add_step(element, std::get<tree::Step>(element.body));
    }
  }

 private:
  void refuse(SourceSpan span, std::string_view what, std::string help = {}) {
    report_unavailable(context_, span, what, std::move(help));
    draft_.broken = true;
  }

  void add_types(const ResolvedKinds& kinds) {
    draft_.types.insert(draft_.types.end(), kinds.types.begin(), kinds.types.end());
    draft_.types_broken = draft_.types_broken || kinds.broken;
    draft_.broken = draft_.broken || kinds.broken;
  }

  void add_absence(const tree::Element& element, const tree::Absence& absence) {
    if (absence.next) refuse(absence.next_span, "no next");
    const bool follows_absence =
        !draft_.elements.empty() && !draft_.elements.back().step && draft_.elements.back().tree;
    if (follows_absence) {
      refuse(absence.no_span, "one absence after another",
             "one `no` takes several kinds: `no a or b`");
    }
    ElementDraft next;
    next.tree = &element;
    next.kinds = resolve_kinds(context_, absence.kinds);
    add_types(next.kinds);
    draft_.elements.push_back(std::move(next));
  }

  void add_step(const tree::Element& element, const tree::Step& step) {
    if (step.optional) refuse(*step.optional, "optional");
    if (step.until) refuse(step.until->span, "until");
    if (step.form != tree::StepForm::kKinds) {
      refuse(step.form_span, step.form == tree::StepForm::kGroup   ? "(…)"
                             : step.form == tree::StepForm::kOneOf ? "one of"
                                                                   : "all of");
      add_unknown_steps(step);
      return;
    }
    ElementDraft next;
    next.tree = &element;
    next.kinds = resolve_kinds(context_, step.kinds);
    add_types(next.kinds);
    if (step.count) read_count(*step.count, next.quantifier);
    StepSymbol symbol;
    symbol.loop = next.quantifier.loop;
    symbol.types = next.kinds.types;
    symbol.broken = next.kinds.broken;
    symbol.span = step.kinds.span;
    if (step.as) {
      symbol.name = step.as->text;
      symbol.span = step.as->span;
    } else if (step.kinds.refs.size() == 1) {
      symbol.kind = step.kinds.refs.front().name.text;
    }
    next.step = add_symbol(std::move(symbol));
    draft_.elements.push_back(std::move(next));
  }

  std::size_t add_symbol(StepSymbol symbol) {
    const std::size_t place = scope_.steps.size();
    symbol.var = cep::VarIndex(place);
    if (!symbol.name.empty()) {
      const auto [earlier, is_new] = scope_.step_by_name.emplace(symbol.name, place);
      if (!is_new) {
        Diagnostic diagnostic = make_diagnostic(
            Code::kE0210, symbol.span, fmt::format("two steps are named {}", in_code(symbol.name)));
        diagnostic.labels.push_back({scope_.steps[earlier->second].span, "the first"});
        context_.sink.report(std::move(diagnostic));
        draft_.broken = true;
      }
    }
    scope_.steps.push_back(std::move(symbol));
    return place;
  }

  // What is not available is known by name, so that nothing follows from its absence.
  void add_unknown_steps(const tree::Step& step) {
    draft_.types_broken = true;
    const auto add_name = [&](const std::optional<tree::Name>& name) {
      StepSymbol symbol;
      if (name) symbol.name = name->text;
      symbol.span = name ? name->span : step.span;
      symbol.broken = true;
      add_symbol(std::move(symbol));
    };
    add_name(step.as);
    for (const tree::Pattern& pattern : step.patterns) {
      for (const tree::Element& element : pattern.elements) {
        if (const auto* inner = std::get_if<tree::Step>(&element.body)) add_unknown_steps(*inner);
      }
    }
    for (const tree::Step& member : step.members) add_unknown_steps(member);
  }

  void read_count(const tree::Count& count, cep::Quantifier& quantifier) {
    quantifier.loop = true;
    if (count.mode == tree::LoopWord::kNext) quantifier.mode = cep::LoopMode::kNext;
    if (count.mode == tree::LoopWord::kEach) refuse(count.mode_span, "each");
    if (count.greedy) refuse(count.greedy_span, "greedy");
    const tree::IntLiteral& most = count.max ? *count.max : count.min;
    if (count.min.value == 0 && (count.or_more || most.value > 0)) {
      refuse(count.span, "a count from 0", "say how many it takes at least: `1+`");
      return;
    }
    std::string problem;
    if (most.value == 0) {
      problem = "a step that takes no event";
    } else if (most.value < count.min.value) {
      problem = fmt::format("a count from {} to {}", count.min.value, most.value);
    } else if (most.value > kCountMax) {
      problem = fmt::format("a count of more than {}", kCountMax);
    }
    if (!problem.empty()) {
      Diagnostic diagnostic = make_diagnostic(Code::kE0407, count.span, std::move(problem));
      diagnostic.helps.push_back("a count is `3`, `3+` or `2..5`");
      context_.sink.report(std::move(diagnostic));
      draft_.broken = true;
      return;
    }
    quantifier.min = static_cast<std::uint32_t>(count.min.value);
    quantifier.max = static_cast<std::uint32_t>(most.value);
    if (count.or_more) quantifier.max.reset();
  }

  CheckContext& context_;
  RuleScope& scope_;
  PatternDraft& draft_;
};

cep::Contiguity contiguity_of(tree::Link link) {
  switch (link) {
    case tree::Link::kThen:
      return cep::Contiguity::kAny;
    case tree::Link::kThenFirst:
      return cep::Contiguity::kFirst;
    case tree::Link::kThenNext:
      break;
  }
  return cep::Contiguity::kNext;
}

// Second pass: one element's condition, in the sight of the steps up to it.
cep::ExprPtr check_where(CheckContext& context, const ElementDraft& draft, const tree::Expr* where,
                         const RuleScope& scope, std::size_t steps_before) {
  if (!where) return nullptr;
  ExprScope expr_scope;
  expr_scope.place = draft.step ? Place::kStep : Place::kAbsence;
  expr_scope.types = draft.kinds.types;
  expr_scope.types_broken = draft.kinds.broken;
  expr_scope.rule = &scope;
  expr_scope.steps_visible = steps_before + (draft.step ? 1 : 0);
  expr_scope.own_step = draft.step;
  const Condition condition = ExpressionChecker(context, expr_scope).check_condition(*where);
  if (!condition.broken) {
    for (const KindAlternative* alternative : draft.kinds.alternatives) {
      std::vector<Conjunct> all = alternative->conjuncts;
      all.insert(all.end(), condition.conjuncts.begin(), condition.conjuncts.end());
      if (warn_of_contradiction(context, all, alternative->conjuncts.size())) break;
    }
  }
  return condition.expr();
}

// `for` belongs to a last absence; without it the rule's `within` ends it.
void check_absence_end(CheckContext& context, const tree::Absence& absence, bool last,
                       bool has_within) {
  if (!last && absence.absent_for) {
    SourceSpan span = absence.for_span;
    span.end = absence.absent_for->span.end;
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0404, span, "`for` on an absence that is not the last element");
    diagnostic.helps.push_back(
        "an absence between two steps lasts until the second: leave `for` out");
    context.sink.report(std::move(diagnostic));
  }
  if (last && !absence.absent_for && !absence.next && !has_within) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0403, absence.span, "an absence that never ends raises no alert");
    diagnostic.helps.push_back("say how long: `no … for 5m`, or give the rule a `within`");
    context.sink.report(std::move(diagnostic));
  }
  if (absence.absent_for) require_positive(context, *absence.absent_for, "for");
}
}  // namespace

PatternDraft draft_pattern(CheckContext& context, const tree::Pattern& pattern, RuleScope& scope) {
  PatternDraft draft;
  Drafter drafter(context, scope, draft);
  for (const tree::Element& element : pattern.elements) drafter.add(element);
  normalize(draft.types);
  draft.broken = draft.broken || draft.elements.empty();
  return draft;
}

std::vector<cep::Element> check_elements(CheckContext& context, const PatternDraft& draft,
                                         const RuleScope& scope, bool has_within) {
  std::vector<cep::Element> elements;
  std::size_t steps_before = 0;
  for (std::size_t i = 0; i < draft.elements.size(); ++i) {
    const ElementDraft& next = draft.elements[i];
    cep::Element element;
    element.contiguity = i == 0 ? cep::Contiguity::kAny : contiguity_of(next.tree->link);
    element.events = next.kinds.subsets;
    if (const auto* absence = std::get_if<tree::Absence>(&next.tree->body)) {
      element.kind = cep::ElementKind::kAbsence;
      element.where = check_where(context, next, absence->where.get(), scope, steps_before);
      check_absence_end(context, *absence, i + 1 == draft.elements.size(), has_within);
      if (absence->absent_for) element.absent_for = absence->absent_for->value;
    } else {
      const auto& step = std::get<tree::Step>(next.tree->body);
      element.var = scope.steps[*next.step].var;
      element.quantifier = next.quantifier;
      steps_before = *next.step;
      element.where = check_where(context, next, step.where.get(), scope, steps_before);
      ++steps_before;
    }
    elements.push_back(std::move(element));
  }
  return elements;
}
}  // namespace tocsin::rules

// The second pass over a pattern: conditions, and where absences and gaps end.
#include <fmt/format.h>

#include <algorithm>

#include "cep/plan/expr_walk.h"
#include "rules/context/report.h"
#include "rules/expression/check_expression.h"
#include "rules/lint/contradiction.h"
#include "rules/pattern/check_pattern.h"

namespace tocsin::rules {
namespace {
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

// The condition on the current event as one on the event that `var` has bound; absent where it
// reads anything else.
cep::ExprPtr as_bound(const cep::ExprPtr& expr, cep::VarIndex var) {
  switch (expr->op) {
    case cep::Op::kBound:
    case cep::Op::kPrev:
    case cep::Op::kAggregate:
    case cep::Op::kFeature:
    case cep::Op::kIsBound:
    case cep::Op::kInLoop:
    case cep::Op::kInKinds:
      return nullptr;
    default:
      break;
  }
  cep::Expr made = *expr;
  if (made.op == cep::Op::kField) {
    made.op = cep::Op::kBound;
    made.payload = cep::BoundField{var, cep::Which::kOnly, *field_of(*expr)};
  }
  for (cep::ExprPtr& arg : made.args) {
    if (!arg) continue;
    arg = as_bound(arg, var);
    if (!arg) return nullptr;
  }
  return std::make_shared<const cep::Expr>(std::move(made));
}

// Whether an element is the last of a match: never, perhaps (of the last round, of the member done
// last), always.
enum class Tail : std::uint8_t { kNever, kPerhaps, kAlways };

class ElementsChecker {
 public:
  ElementsChecker(CheckContext& context, const RuleScope& scope, const PatternBounds& bounds,
                  KnownConditions& known)
      : context_(context), scope_(scope), bounds_(bounds), known_(known) {}

  std::vector<cep::Element> sequence(const std::vector<ElementDraft>& drafts, Tail tail) {
    std::vector<cep::Element> elements;
    for (std::size_t i = 0; i < drafts.size(); ++i) {
      const bool last = i + 1 == drafts.size();
      cep::Element element = one(drafts[i], last ? tail : Tail::kNever);
      const tree::Element& link = *drafts[i].link;
      if (i > 0) element.contiguity = contiguity_of(link.link);
      if (link.within) element.gap = gap_of(link);
      elements.push_back(std::move(element));
    }
    return elements;
  }

 private:
  cep::Element one(const ElementDraft& draft, Tail tail) {
    if (const StepDraft* const own = draft.step()) return step(*own);
    if (const AbsenceDraft* const own = draft.absence()) return absence(*own, tail);
    return group(*draft.group(), tail);
  }

  cep::Step step(const StepDraft& draft) {
    const tree::Step& tree = *draft.tree;
    cep::Step step;
    step.quantifier = draft.quantifier;
    step.optional = draft.optional;
    step.var = scope_.steps[draft.symbol].var;
    step.events = draft.kinds.subsets;
    step.where = where(draft.kinds, draft.place, tree.where.get(), &draft);
    if (!tree.until) return step;
    step.until_events = draft.until.subsets;
    step.until_where = where(draft.until, draft.place, tree.until->where.get(), nullptr);
    return step;
  }

  cep::Absence absence(const AbsenceDraft& draft, Tail tail) {
    const tree::Absence& tree = *draft.tree;
    cep::Absence absence;
    absence.events = draft.kinds.subsets;
    absence.next = tree.next;
    absence.where = where(draft.kinds, draft.place, tree.where.get(), nullptr);
    check_end(tree, tail);
    if (tree.absent_for) absence.absent_for = tree.absent_for->value;
    return absence;
  }

  // Alternatives, or members of an `all of`.
  std::vector<cep::Element> each_alone(const std::vector<ElementDraft>& drafts, Tail tail) {
    std::vector<cep::Element> elements;
    for (const ElementDraft& draft : drafts) {
      elements.push_back(one(draft, tail == Tail::kAlways ? Tail::kPerhaps : tail));
    }
    return elements;
  }

  cep::Group group(const GroupDraft& draft, Tail tail) {
    const Tail inner = draft.quantifier.loop && tail == Tail::kAlways ? Tail::kPerhaps : tail;
    cep::Group group;
    group.quantifier = draft.quantifier;
    group.optional = draft.optional;
    group.form = draft.form;
    group.children = draft.form == cep::GroupForm::kSequence ? sequence(draft.children, inner)
                                                             : each_alone(draft.children, inner);
    return group;
  }

  // `step`: whose own events the condition is about; null for an absence and `until`.
  cep::ExprPtr where(const ResolvedKinds& kinds, const PatternPlace& place, const tree::Expr* where,
                     const StepDraft* step) {
    std::optional<std::size_t> own_step;
    if (step != nullptr) own_step = step->symbol;
    ExprScope scope;
    scope.place = own_step ? Place::kStep : Place::kAbsence;
    scope.types = kinds.types;
    scope.types_broken = kinds.broken;
    scope.rule = &scope_;
    scope.steps_visible = place.steps_before;
    scope.pattern_place = &place;
    scope.own_step = own_step;
    if (own_step && !kinds.broken && decides_match(*own_step, {}) &&
        never_holds(context_, scope, {}, kinds.alternatives, {})) {
      report_never(step->tree->kinds);
      return nullptr;
    }
    if (!where) {
      if (own_step && kinds.alternatives.size() == 1)
        remember(scope, *own_step, kinds.alternatives.front()->conjuncts);
      return nullptr;
    }
    const Condition condition = check_condition({context_, scope}, *where);
    if (!condition.broken) {
      const bool decides = own_step && decides_match(*own_step, condition.conjuncts);
      std::vector<const std::vector<Conjunct>*> asked = {&condition.conjuncts};
      for (const KindAlternative* kind : kinds.alternatives) asked.push_back(&kind->conjuncts);
      const std::vector<Conjunct> known = known_.about(scope, asked);
      context_.conditions_compared += known.size();
      warn_of_condition(context_, scope, known, kinds.alternatives, condition.conjuncts,
                        decides ? Code::kE0441 : Code::kW0003);
      if (own_step && kinds.alternatives.size() == 1) {
        if (never_holds(context_, scope, known, kinds.alternatives, condition.conjuncts)) {
          known_.contradict();
        }
        remember(scope, *own_step, kinds.alternatives.front()->conjuncts);
        remember(scope, *own_step, condition.conjuncts);
      }
    }
    return condition.expr();
  }

  void report_never(const tree::Kinds& kinds) {
    Diagnostic diagnostic = make_diagnostic(Code::kE0441, kinds.span,
                                            "this rule can never alert: no event can be taken here",
                                            "the conditions of the kind are never true");
    for (const tree::KindRef& ref : kinds.refs) {
      const KindSymbol* kind = look_up_kind(context_, ref);
      if (kind == nullptr || kind->kind == nullptr) continue;
      diagnostic.labels.push_back({kind->name->span, "declared here"});
    }
    diagnostic.helps.push_back("correct the condition of the kind");
    context_.sink.report(std::move(diagnostic));
  }

  // Whether a match has an event of the step of which all of the condition is asked.
  bool decides_match(std::size_t step, const std::vector<Conjunct>& condition) const {
    const StepSymbol& symbol = scope_.steps[step];
    if (symbol.count_min == 0) return false;
    // Of a loop's first event not all is asked.
    return !symbol.loop || std::ranges::all_of(condition, [](const Conjunct& conjunct) {
      return !cep::reads_run(*conjunct.expr);
    });
  }

  // What a step asks of its one event is known of it afterwards.
  void remember(const ExprScope& scope, std::size_t step, const std::vector<Conjunct>& conjuncts) {
    const StepSymbol& symbol = scope_.steps[step];
    if (symbol.loop || symbol.count_min == 0) return;
    for (const Conjunct& conjunct : conjuncts) {
      if (cep::ExprPtr bound = as_bound(conjunct.expr, symbol.var))
        known_.add(scope, {std::move(bound), conjunct.span}, symbol.var);
    }
  }

  void report(Code code, SourceSpan span, std::string message, std::string help) {
    Diagnostic diagnostic = make_diagnostic(code, span, std::move(message));
    diagnostic.helps.push_back(std::move(help));
    context_.sink.report(std::move(diagnostic));
  }

  // `for` belongs to a last absence; without it the rule's `within` ends it.
  void check_end(const tree::Absence& absence, Tail tail) {
    if (absence.absent_for) {
      SourceSpan span = absence.for_span;
      span.end = absence.absent_for->span.end;
      if (absence.next) {
        report(Code::kE0404, span, "`for` on `no next`",
               "it ends with the very next event: leave `for` out");
        return;
      }
      if (tail != Tail::kAlways) {
        report(Code::kE0404, span, "`for` on an absence that is not the last element",
               "an absence between two steps lasts until the second: leave `for` out");
        return;
      }
      require_positive(context_, *absence.absent_for, "for");
    }
    if (tail != Tail::kNever && bounds_.without_for) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0427, absence.span, "a last absence beside `without … for`",
                          "each of them decides when the alert is raised");
      diagnostic.helps.push_back("write both kinds after `without`, or leave its `for` out");
      context_.sink.report(std::move(diagnostic));
      return;
    }
    if (tail != Tail::kNever && !absence.absent_for && !absence.next && !bounds_.within &&
        !bounds_.broken) {
      report(Code::kE0403, absence.span, "an absence that never ends raises no alert",
             "give its length: `no … for 5m`, or give the rule a `within`");
    }
  }

  std::optional<cep::Duration> gap_of(const tree::Element& link) {
    const tree::DurationLiteral& gap = *link.within;
    if (!require_positive(context_, gap, "within")) return std::nullopt;
    if (bounds_.within && gap.value > bounds_.within->value) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0425, gap.span, "a gap longer than the rule's `within`");
      diagnostic.labels.push_back({bounds_.within->span, "all of the match"});
      diagnostic.helps.push_back("the rule's `within` bounds it already: leave one of them out");
      context_.sink.report(std::move(diagnostic));
    } else if (bounds_.within && gap.value == bounds_.within->value) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kW0050, gap.span, "a gap as long as the rule's `within`");
      diagnostic.labels.push_back({bounds_.within->span, "all of the match"});
      diagnostic.helps.push_back("leave it out, or make it shorter");
      context_.sink.report(std::move(diagnostic));
    }
    return gap.value;
  }

  CheckContext& context_;
  const RuleScope& scope_;
  const PatternBounds& bounds_;
  KnownConditions& known_;
};
}  // namespace

std::vector<cep::Element> check_elements(CheckContext& context, const PatternDraft& draft,
                                         const RuleScope& scope, const PatternBounds& bounds,
                                         KnownConditions& known) {
  return ElementsChecker(context, scope, bounds, known).sequence(draft.elements, Tail::kAlways);
}
}  // namespace tocsin::rules

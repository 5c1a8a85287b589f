#include "cep/diagnose/live_rules.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cep/diagnose/derived_parts.h"
#include "cep/plan/expr_walk.h"

namespace tocsin::cep {
namespace {
// A loop's condition as asked of a further event after those of `taken`; null where it counts the
// loop's own events.
ExprPtr asked_further(const ExprPtr& expr, VarIndex own, VarIndex taken) {
  Expr copy = *expr;
  if (copy.op == Op::kPrev) {
    FieldRef field = *field_of(copy);
    copy.op = Op::kBound;
    copy.payload = BoundField{taken, Which::kLast, std::move(field)};
  } else if (VarIndex* const var = variable_of(copy); var != nullptr && *var == own) {
    if (copy.op != Op::kBound) return nullptr;
    *var = taken;
  }
  for (ExprPtr& arg : copy.args) {
    if (!arg) continue;
    arg = asked_further(arg, own, taken);
    if (!arg) return nullptr;
  }
  return std::make_shared<const Expr>(std::move(copy));
}

// That nothing comes which the stage waits for; nothing where that cannot be said.
std::optional<Absence> no_further(const Rule& rule, const PatternStage& stage) {
  if (!stage.next->is_step() || stage.waits == PatternStage::Waits::kRound) return std::nullopt;
  Absence absence;
  absence.events = stage.next->events();
  if (!stage.next->where()) return absence;
  const VarIndex own = stage.next->var();
  std::vector<ExprPtr> conjuncts;
  split_conjuncts(stage.next->where(), conjuncts);
  std::vector<ExprPtr> asked;
  for (const ExprPtr& conjunct : conjuncts) {
    const bool is_past = mentions_own_past(*conjunct, own);
    const bool is_first = stage.waits == PatternStage::Waits::kStep;
    if (is_past && is_first && rule.variables[own.value].loop) continue;
    ExprPtr further =
        asked_further(own_event_to_current(conjunct, own), own, ExtraVariables(rule).taken);
    if (!further || (is_past && is_first)) return std::nullopt;
    asked.push_back(std::move(further));
  }
  if (asked.size() == 1) absence.where = asked.front();
  if (asked.size() > 1) {
    auto all = std::make_shared<Expr>();
    all->op = Op::kAnd;
    all->type.kind = TypeKind::kBool;
    all->args = std::move(asked);
    absence.where = std::move(all);
  }
  return absence;
}

bool is_strict(const std::vector<Element>& elements) {
  return std::ranges::any_of(elements, [](const Element& element) {
    return element.contiguity == Contiguity::kNext || element.is_next() ||
           element.quantifier().mode == LoopMode::kNext || is_strict(element.children());
  });
}

bool has_absence(const std::vector<Element>& elements) {
  return std::ranges::any_of(elements, [](const Element& element) {
    return element.is_absence() || has_absence(element.children());
  });
}

// Whether absences stand where a pattern may have them: not at the begin of a group, and not after
// what may be left out.
bool may_stand(const std::vector<Element>& elements, bool is_group = false) {
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const Element& element = elements[i];
    if (element.is_absence()) {
      if (i == 0 && is_group) return false;
      if (i > 0 && elements[i - 1].is_optional()) return false;
    }
    const bool is_sequence = element.kind() == ElementKind::kGroup;
    if (!may_stand(element.children(), is_sequence)) return false;
  }
  return true;
}

// What ends a stage's wait besides the absences of its pattern; false where it cannot be said.
bool add_guards(const Rule& rule, const PatternStage& stage, std::vector<Element>& tail) {
  if (stage.begins) return true;
  // What a group around the step says of its first event.
  const bool is_next = stage.contiguity == Contiguity::kNext;
  const bool is_own =
      stage.waits == PatternStage::Waits::kLoop || stage.next->contiguity == Contiguity::kNext;
  if (is_next && !is_own) return false;
  if (stage.waits == PatternStage::Waits::kLoop && !stage.next->until_events().empty()) {
    Absence until;
    until.events = stage.next->until_events();
    if (const ExprPtr& where = stage.next->until_where()) {
      const VarIndex own = stage.next->var();
      until.where =
          asked_further(own_event_to_current(where, own), own, ExtraVariables(rule).taken);
      if (!until.where) return false;
    }
    tail.emplace_back(std::move(until));
  }
  if (stage.contiguity != Contiguity::kFirst) return true;
  std::optional<Absence> further = no_further(rule, stage);
  if (!further) return false;
  tail.emplace_back(*std::move(further));
  return true;
}

// The partial matches of a stage, followed by a tail.
Rule with_live_tail(const Rule& of, const PatternStage& stage, const std::vector<Element>& tail) {
  Rule rule = bare(of);
  rule.selection = {};
  let_without_not_wait(rule);
  add_extra_variables(rule, &stage);
  rule.pattern = stage.pattern(tail);
  return rule;
}

// Loops that may stop at any count stop at the least one: a partial match that expires is then one
// for each beginning, and not one for each end of its loop too.
void shorten_loops(std::vector<Element>& elements) {
  for (Element& element : elements) {
    if (Repetition* const repetition = element.repetition()) {
      Quantifier& quantifier = repetition->quantifier;
      const bool may_stop = !quantifier.greedy && element.until_events().empty();
      if (may_stop && quantifier.min > 0) quantifier.max = quantifier.min;
    }
    if (Group* const group = element.group()) shorten_loops(group->children);
  }
}

// The partial matches of a pattern. Where their last event may be one that must not come, they are
// given the shortest time after it: as the last event of all it would be allowed.
// Nothing where the pattern ends with what may be left out, after which nothing can be waited for.
std::optional<DerivedRule> live_partial(const Rule& rule, std::vector<Element> pattern) {
  DerivedRule derived{bare(rule), {}, false};
  derived.rule.selection = {};
  let_without_not_wait(derived.rule);
  derived.rule.pattern = std::move(pattern);
  leave_last_absences_out(derived.rule.pattern);
  if (derived.rule.without || has_absence(derived.rule.pattern)) {
    wait_a_moment(derived);
    if (!derived.waits_a_moment) return std::nullopt;
  }
  settle_variables(derived.rule, std::nullopt);
  return derived;
}

// One alert for each event; of a window one when it closes.
DerivedRule with_one_alert(DerivedRule derived) {
  derived.rule.selection = {};
  return derived;
}
}  // namespace

std::optional<DerivedRule> live_prefix(const Rule& rule, const PatternStage& stage) {
  return live_partial(rule, stage.pattern({}));
}

std::optional<DerivedRule> live_extension(const Rule& rule, const PatternStage& stage) {
  Element any = any_event_for(rule, stage);
  std::vector<Element> tail;
  if (!add_guards(rule, stage, tail)) return std::nullopt;
  if (!stage.begins && stage.contiguity == Contiguity::kNext) any.contiguity = Contiguity::kNext;
  // Where the next event counts, which events are considered stays as it is.
  const bool keeps_kinds = is_strict(rule.pattern);
  if (keeps_kinds) any.test()->events = stage.next->events();
  tail.push_back(any);
  DerivedRule derived{with_live_tail(rule, stage, tail), {}, false};
  if (!may_stand(derived.rule.pattern)) return std::nullopt;
  if (!keeps_kinds) consider(derived.rule, any.events());
  ask_step(derived, rule, stage);
  settle_variables(derived.rule, prev_of(rule, stage));
  return derived;
}

std::optional<DerivedRule> live_interruption(const Rule& rule, const PatternStage& stage,
                                             const std::vector<Subset>& kinds,
                                             const ExprPtr& where) {
  Element inside = inside_step(rule, kinds, where);
  const bool is_next = stage.contiguity == Contiguity::kNext;
  inside.contiguity = is_next ? Contiguity::kNext : Contiguity::kFirst;
  std::vector<Element> tail;
  if (!add_guards(rule, stage, tail)) return std::nullopt;
  tail.push_back(std::move(inside));
  DerivedRule derived{with_live_tail(rule, stage, tail), {}, false};
  if (!may_stand(derived.rule.pattern)) return std::nullopt;
  settle_variables(derived.rule, std::nullopt);
  return derived;
}

std::optional<DerivedRule> live_expiry(const Rule& rule, const PatternStage& stage) {
  const bool has_time = rule.within || stage.gap || (rule.without && rule.without->absent_for);
  std::optional<Absence> further = no_further(rule, stage);
  if (!has_time || stage.begins || stage.greedy != nullptr || !further) return std::nullopt;
  if (std::ranges::any_of(stage.absences, &Element::is_next)) return std::nullopt;
  if (stage.contiguity == Contiguity::kNext) {
    further->events = rule.considered;
    further->where = nullptr;
  }
  further->absent_for = stage.gap;
  std::vector<Element> tail;
  const bool is_first = stage.contiguity == Contiguity::kFirst;
  if (!add_guards(rule, stage, tail)) return std::nullopt;
  if (is_first) tail.pop_back();  // the same
  tail.emplace_back(*std::move(further));
  DerivedRule derived{with_live_tail(rule, stage, tail), {}, false};
  if (!may_stand(derived.rule.pattern)) return std::nullopt;
  shorten_loops(derived.rule.pattern);
  settle_variables(derived.rule, std::nullopt);
  return derived;
}

std::optional<DerivedRule> live_steps(const Rule& rule) {
  std::vector<const Element*> last;
  std::vector<Element> steps = without_last_absences(rule, last);
  if (last.empty() && !(rule.without && rule.without->absent_for)) return std::nullopt;
  return live_partial(rule, std::move(steps));
}

DerivedRule live_complete(const Rule& rule) { return with_one_alert(complete_rule(rule)); }

DerivedRule live_up_to(const Rule& rule, Clauses last) {
  DerivedRule derived = rule_up_to(rule, last);
  return last == Clauses::kHaving && !rule.window ? with_one_alert(std::move(derived)) : derived;
}

DerivedRule window_events(const Rule& rule) {
  DerivedRule derived = with_one_alert({bare(rule), {}, false});
  Step step;
  step.var = rule.window->var;
  for (Subset subset : rule.considered) {
    const bool is_known = std::ranges::any_of(step.events, [&](const Subset& other) {
      return other.type == subset.type && other.role == subset.role;
    });
    subset.condition = nullptr;
    if (!is_known) step.events.push_back(std::move(subset));
  }
  derived.rule.window.reset();
  derived.rule.variables[step.var.value].loop = false;
  consider(derived.rule, step.events);
  derived.rule.pattern = {std::move(step)};
  ask_kinds(derived, rule.considered);
  settle_variables(derived.rule, std::nullopt);
  return derived;
}
}  // namespace tocsin::cep

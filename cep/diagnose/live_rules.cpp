#include "cep/diagnose/live_rules.h"

#include <algorithm>
#include <utility>

#include "cep/diagnose/derived_parts.h"
#include "cep/plan/expr_walk.h"

namespace tocsin::cep {
namespace {
// That nothing comes which the stage waits for; nothing where its condition reads its own events.
std::optional<Absence> no_further(const PatternStage& stage) {
  if (!stage.next->is_step() || stage.waits == PatternStage::Waits::kRound) return std::nullopt;
  Absence absence;
  absence.events = stage.next->events();
  if (!stage.next->where()) return absence;
  const VarIndex own = stage.next->var();
  absence.where = own_event_to_current(stage.next->where(), own);
  const bool reads_itself = any_expr(*absence.where, [own](const Expr& expr) {
    const VarIndex* const var = variable_of(expr);
    return expr.op == Op::kPrev || (var != nullptr && *var == own);
  });
  if (reads_itself) return std::nullopt;
  return absence;
}

bool is_strict(const std::vector<Element>& elements) {
  return std::ranges::any_of(elements, [](const Element& element) {
    return element.contiguity == Contiguity::kNext || element.is_next() ||
           element.quantifier().mode == LoopMode::kNext || is_strict(element.children());
  });
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
      if (!quantifier.greedy && quantifier.min > 0) quantifier.max = quantifier.min;
    }
    if (Group* const group = element.group()) shorten_loops(group->children);
  }
}

// One alert for each event; of a window one when it closes.
DerivedRule with_one_alert(DerivedRule derived) {
  derived.rule.selection = {};
  return derived;
}
}  // namespace

DerivedRule live_prefix(const Rule& rule, const PatternStage& stage) {
  DerivedRule derived{bare(rule), {}, false};
  derived.rule.selection = {};
  let_without_not_wait(derived.rule);
  derived.rule.pattern = stage.pattern({});
  leave_last_absences_out(derived.rule.pattern);
  settle_variables(derived.rule, std::nullopt);
  return derived;
}

DerivedRule live_extension(const Rule& rule, const PatternStage& stage) {
  Element any = any_event_for(rule, stage);
  std::vector<Element> tail;
  for (const Element* const absence : stage.absences) tail.push_back(*absence);
  if (!stage.begins) {
    if (stage.contiguity == Contiguity::kNext) any.contiguity = Contiguity::kNext;
    if (stage.contiguity == Contiguity::kFirst) {
      if (std::optional<Absence> further = no_further(stage)) tail.emplace_back(*further);
    }
  }
  // Where the next event counts, which events are considered stays as it is.
  const bool keeps_kinds = is_strict(rule.pattern);
  if (keeps_kinds) any.test()->events = stage.next->events();
  tail.push_back(any);
  DerivedRule derived{with_live_tail(rule, stage, tail), {}, false};
  if (!keeps_kinds) consider(derived.rule, any.events());
  ask_step(derived, rule, stage);
  settle_variables(derived.rule, prev_of(rule, stage));
  return derived;
}

DerivedRule live_interruption(const Rule& rule, const PatternStage& stage,
                              const std::vector<Subset>& kinds, const ExprPtr& where,
                              Contiguity contiguity) {
  Element inside = inside_step(rule, kinds, where);
  inside.contiguity = contiguity;
  DerivedRule derived{with_live_tail(rule, stage, {inside}), {}, false};
  settle_variables(derived.rule, std::nullopt);
  return derived;
}

std::optional<DerivedRule> live_expiry(const Rule& rule, const PatternStage& stage) {
  const bool has_time = rule.within || (rule.without && rule.without->absent_for);
  std::optional<Absence> further = no_further(stage);
  if (!has_time || stage.begins || !further) return std::nullopt;
  std::vector<Element> tail;
  for (const Element* const absence : stage.absences) {
    if (absence->is_next()) return std::nullopt;
    tail.push_back(*absence);
  }
  tail.emplace_back(*std::move(further));
  DerivedRule derived{with_live_tail(rule, stage, tail), {}, false};
  shorten_loops(derived.rule.pattern);
  settle_variables(derived.rule, std::nullopt);
  return derived;
}

std::optional<DerivedRule> live_steps(const Rule& rule) {
  std::vector<const Element*> last;
  std::vector<Element> steps = without_last_absences(rule, last);
  if (last.empty() && !(rule.without && rule.without->absent_for)) return std::nullopt;
  DerivedRule derived{bare(rule), {}, false};
  derived.rule.selection = {};
  let_without_not_wait(derived.rule);
  derived.rule.pattern = std::move(steps);
  settle_variables(derived.rule, std::nullopt);
  return derived;
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

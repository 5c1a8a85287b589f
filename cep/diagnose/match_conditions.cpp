#include "cep/diagnose/match_conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "cep/diagnose/derived_parts.h"
#include "cep/diagnose/key_condition.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/partial_pattern.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/plan/shown_name.h"

namespace tocsin::cep {
namespace {
constexpr std::size_t kValuesShown = 8;  // of one condition

bool is_value(const Expr& expr) {
  switch (expr.op) {
    case Op::kIn:  // whether it is on the list
    case Op::kInTable:
    case Op::kMatchesAnyOf:
    case Op::kContainsAnyOf:
    case Op::kContainsAnyWordOf:
      return true;
    default:
      return reads_value(expr.op);
  }
}
// The values in a condition, in the order written; of a call first its arguments.
void collect_values(const ExprPtr& expr, std::vector<ExprPtr>& out) {
  if (!expr || out.size() >= kValuesShown) return;
  const bool enters =
      expr->op != Op::kAggregate && expr->op != Op::kFeature && expr->op != Op::kBound;
  for (const ExprPtr& arg : expr->args) {
    if (!enters) break;
    collect_values(arg, out);
    if (expr->op == Op::kInLoop) break;  // the other is about an element
  }
  if (is_value(*expr) && out.size() < kValuesShown) out.push_back(expr);
}

std::size_t add_field(Rule& rule, const ExprPtr& expr) {
  rule.fields.push_back({fmt::format("f{}", rule.fields.size()), expr});
  return rule.fields.size() - 1;
}
// With `own` the event on offer is that step's own: what the condition says of it, by the step's
// name too, is of the current event.
void ask(DerivedRule& derived, const ExprPtr& condition, std::optional<VarIndex> own) {
  const auto here = [&](const ExprPtr& expr) {
    return own ? own_event_to_current(expr, *own) : expr;
  };
  AskedCondition asked;
  asked.condition = condition;
  asked.truth = add_field(derived.rule, here(condition));
  std::vector<ExprPtr> values;
  collect_values(condition, values);
  for (const ExprPtr& value : values) {
    if (value != condition) asked.values.push_back({value, add_field(derived.rule, here(value))});
  }
  derived.asked.push_back(std::move(asked));
}

void find_steps(const std::vector<Element>& elements, std::vector<const Element*>& out) {
  for (const Element& element : elements) {
    if (element.is_step()) out.push_back(&element);
    find_steps(element.children(), out);
  }
}
bool has_all_of(const std::vector<Element>& elements) {
  return std::ranges::any_of(elements, [](const Element& element) {
    return element.kind() == ElementKind::kAllOf || has_all_of(element.children());
  });
}
// `as` of the events of a step that are of a kind.
const std::string& shown_as(const Rule& rule, VarIndex var, const Subset& subset) {
  const std::string* const name = shown_name(rule, var);
  return name != nullptr ? *name : subset.name;
}
}  // namespace

// A step, or what a window collects, and what it asks.
struct MatchConditions::StepText {
  VarIndex var;
  const std::vector<Subset>* kinds = nullptr;
  bool is_loop = false;
  std::vector<ExprPtr> conjuncts;
  // By conjunct: whether it reads events that the match took before; whether the first event of
  // the loop is not asked.
  std::vector<bool> has_past, spares_first;
};

MatchConditions MatchConditions::of(std::shared_ptr<const Plan> plan, TracedRule rule,
                                    KnownMatch match, const MatchLimits& limits) {
  MatchConditions made(std::move(plan), std::move(rule), std::move(match));
  const Rule& of = made.rule();
  made.vars_.resize(made.match_.events.size());
  made.came_.resize(made.match_.events.size());
  made.places_.resize(made.match_.events.size());
  made.of_events_.resize(made.match_.events.size());
  std::vector<StepText> steps;
  if (of.window) {
    steps.push_back({of.window->var, &of.considered, false, {}, {}, {}});
    std::ranges::fill(made.vars_, of.window->var);
  } else {
    std::vector<const Element*> elements;
    find_steps(of.pattern, elements);
    for (const Element* const element : elements) {
      const VarIndex var = element->var();
      StepText& step = steps.emplace_back(
          StepText{var, &element->events(), of.variables[var.value].loop, {}, {}, {}});
      split_conjuncts(element->where(), step.conjuncts);
      for (const ExprPtr& conjunct : step.conjuncts) {
        step.has_past.push_back(reads_run(*own_event_to_current(conjunct, var)));
        step.spares_first.push_back(step.is_loop && mentions_own_past(*conjunct, var));
      }
    }
    made.find_variables();
  }
  for (const StepText& step : steps) made.add_step(step);
  made.add_past(limits, steps);
  made.add_complete();
  made.make_plan();
  return made;
}

const Rule& MatchConditions::rule() const { return before_->rules[rule_.rule.value]; }

// Events have the names of their steps. Where several steps share one, as unnamed ones of one kind
// do, it is told which took which only if each took one, in the order written.
void MatchConditions::find_variables() {
  std::vector<const Element*> steps;
  find_steps(rule().pattern, steps);
  const auto may_take = [&](const Element& step, const MatchEvent& event) {
    return std::ranges::any_of(step.events(), [&](const Subset& subset) {
      return subset.type == event.type && shown_as(rule(), step.var(), subset) == event.as;
    });
  };
  for (std::size_t i = 0; i < match_.events.size(); ++i) {
    const MatchEvent& event = match_.events[i];
    std::vector<const Element*> fitting;
    for (const Element* const step : steps) {
      if (may_take(*step, event)) fitting.push_back(step);
    }
    if (fitting.size() == 1) vars_[i] = fitting.front()->var();
    if (fitting.size() < 2 || has_all_of(rule().pattern) || match_.events_more > 0) continue;
    const bool is_one_each = std::ranges::none_of(
        fitting, [&](const Element* step) { return rule().variables[step->var().value].loop; });
    std::size_t before = 0;
    std::size_t all = 0;
    for (std::size_t other = 0; other < match_.events.size(); ++other) {
      const bool is_alike = match_.events[other].as == event.as;
      all += is_alike ? 1 : 0;
      before += is_alike && other < i ? 1 : 0;
    }
    if (is_one_each && all == fitting.size()) vars_[i] = fitting[before]->var();
  }
}

// What is asked of each event by itself.
void MatchConditions::add_step(const StepText& step) {
  std::vector<std::size_t> events;
  for (std::size_t i = 0; i < vars_.size(); ++i) {
    if (vars_[i] == step.var) events.push_back(i);
  }
  if (events.empty()) return;
  Derived to;
  to.var = step.var;
  to.rule.rule = bare(rule());
  Rule& derived = to.rule.rule;
  derived.selection = {};
  derived.window.reset();
  derived.within.reset();
  derived.without.reset();
  derived.variables[step.var.value].loop = false;
  Step one;
  one.var = step.var;
  one.events = any_of_types(*step.kinds);
  one.where = pinned(*before_, one.events, match_.events, events);
  consider(derived, one.events);
  derived.pattern = {Element(std::move(one))};
  ask_kinds(to.rule, *step.kinds);
  const std::size_t kinds = to.rule.asked.size();
  for (std::size_t i = 0; i < step.conjuncts.size(); ++i) {
    if (!step.has_past[i]) ask(to.rule, step.conjuncts[i], step.var);
  }
  settle_variables(derived, std::nullopt);
  for (const std::size_t event : events) {
    std::vector<StoodCondition>& conditions = of_events_[event];
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < kinds; ++i) {
      const AskedCondition& asked = to.rule.asked[i];
      const bool is_shown = asked.condition && asked.type == match_.events[event].type;
      places.push_back(is_shown ? conditions.size() : SIZE_MAX);
      if (is_shown)
        conditions.push_back({StoodCondition::Clause::kKind, asked.condition, false, {}, {}});
    }
    const bool is_first = event == events.front();
    for (std::size_t i = 0; i < step.conjuncts.size(); ++i) {
      const bool is_asked = !is_first || !step.spares_first[i];
      if (!step.has_past[i]) places.push_back(is_asked ? conditions.size() : SIZE_MAX);
      if (is_asked)
        conditions.push_back({StoodCondition::Clause::kWhere, step.conjuncts[i], false, {}, {}});
    }
    places_[event] = std::move(places);
  }
  derived_.push_back(std::move(to));
}

void MatchConditions::add_past(const MatchLimits& limits, const std::vector<StepText>& steps) {
  // Which events the match took before is known up to those that are not listed.
  if (match_.events_more > 0 || rule().window) return;
  std::vector<std::size_t> events;
  std::set<VarIndex> taken;
  for (std::size_t i = 0; i < vars_.size(); ++i) {
    if (!vars_[i]) return;
    const StepText& step = *std::ranges::find(steps, *vars_[i], &StepText::var);
    const bool is_first = taken.insert(*vars_[i]).second;
    bool has_past = false;
    for (std::size_t c = 0; c < step.conjuncts.size(); ++c) {
      has_past = has_past || (step.has_past[c] && !(is_first && step.spares_first[c]));
    }
    if (has_past) events.push_back(i);
  }
  const std::size_t most = limits.events_with_past_max;
  if (events.size() > most) {
    const auto first = events.begin() + static_cast<std::ptrdiff_t>(most / 2);
    events.erase(first, events.end() - static_cast<std::ptrdiff_t>(most - most / 2));
  }
  for (const std::size_t event : events) add_past_of(event, steps);
}

// The events before it, each pinned, and then the event itself.
void MatchConditions::add_past_of(std::size_t event, const std::vector<StepText>& steps) {
  const VarIndex own = *vars_[event];
  const StepText& step = *std::ranges::find(steps, own, &StepText::var);
  Derived to;
  to.role = Derived::Role::kPast;
  to.event = event;
  to.rule.rule = bare(rule());
  Rule& derived = to.rule.rule;
  derived.selection = {};
  derived.within.reset();
  derived.without.reset();
  derived.pattern.clear();
  const ExtraVariables extra(rule());
  derived.variables.resize(derived.variables.size() + 3);
  const auto step_of = [&](VarIndex var, const std::vector<Subset>& kinds,
                           const std::vector<std::size_t>& events) {
    Step made;
    made.var = var;
    made.events = any_of_types(kinds);
    made.where = pinned(*before_, made.events, match_.events, events);
    made.quantifier.loop = derived.variables[var.value].loop;
    made.quantifier.min = static_cast<std::uint32_t>(events.size());
    made.quantifier.max = made.quantifier.min;
    consider(derived, made.events);
    return made;
  };
  std::vector<VarIndex> order;
  std::map<VarIndex, std::vector<std::size_t>> before;
  for (std::size_t i = 0; i < event; ++i) {
    if (before[*vars_[i]].empty()) order.push_back(*vars_[i]);
    before[*vars_[i]].push_back(i);
  }
  for (const VarIndex var : order) {
    if (var == own) continue;
    const StepText& other = *std::ranges::find(steps, var, &StepText::var);
    derived.pattern.emplace_back(step_of(var, *other.kinds, before[var]));
  }
  const std::vector<std::size_t>& so_far = before[own];
  if (so_far.empty()) {
    derived.pattern.emplace_back(step_of(own, *step.kinds, {event}));
  } else {
    derived.variables[extra.taken.value] = {.name = "", .loop = true, .parent = own};
    derived.variables[extra.next.value] = {.name = "", .loop = false, .parent = own};
    Group sequence;
    sequence.children.emplace_back(step_of(extra.taken, *step.kinds, so_far));
    sequence.children.emplace_back(step_of(extra.next, *step.kinds, {event}));
    Group whole;
    whole.form = GroupForm::kOneOf;
    whole.children.emplace_back(std::move(sequence));
    derived.pattern.emplace_back(std::move(whole));
  }
  // Which of the event's conditions these are: those on its kind come first.
  std::vector<StoodCondition>& conditions = of_events_[event];
  auto place = static_cast<std::size_t>(
      std::ranges::count(conditions, StoodCondition::Clause::kKind, &StoodCondition::clause));
  for (std::size_t i = 0; i < step.conjuncts.size(); ++i) {
    if (so_far.empty() && step.spares_first[i]) continue;
    if (step.has_past[i]) {
      ask(to.rule, step.conjuncts[i], std::nullopt);
      to.places.push_back(place);
    }
    ++place;
  }
  if (to.places.empty()) return;
  settle_variables(derived, so_far.empty() ? std::nullopt : std::optional(extra.taken));
  derived_.push_back(std::move(to));
}

void MatchConditions::add_complete() {
  const Rule& of = rule();
  if (!of.having && of.exceptions.empty() && !(of.window && of.window->where)) return;
  Derived to;
  to.role = Derived::Role::kComplete;
  to.rule = live_complete(of);
  for (AskedCondition& asked : to.rule.asked) {
    std::vector<ExprPtr> values;
    collect_values(asked.condition, values);
    for (const ExprPtr& value : values) {
      const bool is_known = std::ranges::any_of(
          asked.values, [&](const AskedCondition::Shown& shown) { return shown.expr == value; });
      if (is_known || value == asked.condition) continue;
      asked.values.push_back({value, add_field(to.rule.rule, value)});
    }
  }
  derived_.push_back(std::move(to));
}

void MatchConditions::make_plan() {
  auto plan = std::make_shared<Plan>(*before_);
  for (std::size_t i = 0; i < derived_.size(); ++i) {
    Rule& rule = plan->rules.emplace_back(derived_[i].rule.rule);
    rule.name = fmt::format("$match{}", i);
    rule.id = rule.name;
    restrict_to_key(*before_, rule, rule_.key);
  }
  plan_ = std::move(plan);
}

bool MatchConditions::is_of_key(const std::vector<OwnedValue>& key) const {
  return std::ranges::equal(rule_.key, key, [](const OwnedValue& a, const OwnedValue& b) {
    return same_value(a.view(), b.view());
  });
}
bool MatchConditions::is_event(std::size_t event, const SeenEvent& seen) const {
  const MatchEvent& known = match_.events[event];
  return known.type == seen.type && known.ts == seen.ts && known.id == seen.id;
}

void MatchConditions::take(const std::vector<Alert>& alerts) {
  for (const Alert& alert : alerts) {
    // Other rules have other keys.
    const bool is_derived = alert.rule.value >= before_->rules.size();
    if (alert.budget || (!is_derived && alert.rule != rule_.rule)) continue;
    if (!is_of_key(alert.key)) continue;
    if (!is_derived) {
      if (alert_id(alert.digest) == match_.alert) raised_ = complete_of(0, alert);
      continue;
    }
    const std::size_t i = alert.rule.value - before_->rules.size();
    if (derived_[i].role == Derived::Role::kComplete) {
      // The alert is of the same moment.
      Complete complete = complete_of(i, alert);
      if (!complete_.empty() && complete_.back().moment != complete.moment && !raised_) {
        complete_.clear();
      }
      if (complete_.size() < kCompleteMax && (!raised_ || raised_->moment == complete.moment)) {
        complete_.push_back(std::move(complete));
      }
      continue;
    }
    take_of_event(derived_[i], alert);
  }
}

MatchConditions::Complete MatchConditions::complete_of(std::size_t derived, const Alert& alert) {
  Complete complete{derived,
                    {alert.order.time, alert.order.phase, alert.order.arrival, alert.order.after},
                    {},
                    alert.fields};
  for (const BoundEvent& event : alert.events) complete.events.emplace_back(event.identity);
  return complete;
}

void MatchConditions::take_of_event(const Derived& derived, const Alert& alert) {
  const DerivedMatch match = read_match(rule(), nullptr, alert, false);
  if (match.events.empty()) return;
  const SeenEvent& last = match.events.back().event;
  if (derived.role == Derived::Role::kPast) {
    // Other events may have the times and ids of those that are pinned.
    if (match.events.size() != derived.event + 1) return;
    for (std::size_t i = 0; i <= derived.event; ++i) {
      if (!is_event(i, match.events[i].event)) return;
    }
    note(derived, match, derived.event, derived.places);
    return;
  }
  for (std::size_t event = 0; event < vars_.size(); ++event) {
    if (vars_[event] != derived.var || came_[event] || !is_event(event, last)) continue;
    came_[event] = true;
    note(derived, match, event, places_[event]);
    return;
  }
}

void MatchConditions::note(const Derived& derived, const DerivedMatch& match, std::size_t event,
                           const std::vector<std::size_t>& places) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] == SIZE_MAX) continue;
    put(derived.rule.asked[i], match.fields, of_events_[event][places[i]]);
  }
}
void MatchConditions::put(const AskedCondition& asked, const std::vector<OwnedValue>& fields,
                          StoodCondition& to) {
  to.is_known = true;
  to.result = fields[asked.truth];
  for (const AskedCondition::Shown& shown : asked.values) {
    to.values.push_back({shown.expr, fields[shown.field]});
  }
}

std::vector<StoodCondition> MatchConditions::of_match() const {
  std::vector<StoodCondition> conditions;
  for (const Derived& derived : derived_) {
    if (derived.role != Derived::Role::kComplete) continue;
    const auto complete = std::ranges::find_if(complete_, [&](const Complete& one) {
      return raised_ && one.moment == raised_->moment && one.events == raised_->events;
    });
    for (const AskedCondition& asked : derived.rule.asked) {
      StoodCondition& to = conditions.emplace_back();
      to.condition = asked.condition;
      to.clause = asked.name == "having"             ? StoodCondition::Clause::kHaving
                  : asked.name.starts_with("except") ? StoodCondition::Clause::kExcept
                                                     : StoodCondition::Clause::kWindow;
      if (complete != complete_.end()) put(asked, complete->fields, to);
    }
  }
  return conditions;
}
}  // namespace tocsin::cep

// Rules for the general matcher: the automaton's conditions, the variables that are read, and up to
// where.
#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "cep/base/assert.h"
#include "cep/compile/compile_paths.h"
#include "cep/compile/compile_places.h"
#include "cep/compile/compiler.h"
#include "cep/compile/make_pattern.h"
#include "cep/compile/word_test.h"
#include "cep/plan/calendar.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/rule.h"
#include "cep/plan/shown_name.h"
#include "cep/plan/zone.h"

namespace tocsin::cep {
namespace {
// Gives each variable that `expr` reads a slot; `own` is the step's that it is a condition of.
void add_slots(const Expr* expr, std::optional<VarIndex> own, std::vector<std::uint32_t>& slots,
               std::uint32_t& count) {
  if (expr == nullptr) return;
  const auto add = [&](VarIndex var) {
    if (slots[var.value] == PatternStep::kNoSlot) slots[var.value] = count++;
  };
  for_each_expr(*expr, [&](const Expr& e) {
    if (const VarIndex* var = variable_of(e)) add(*var);
    if (e.op == Op::kPrev && own) add(*own);
  });
}

// Gives each variable that is read a slot.
void assign_slots(RuleProgram& program, PatternProgram& pattern) {
  const Rule& rule = *program.rule;
  program.step_of_var.assign(rule.variables.size(), PatternStep::kNoSlot);
  std::uint32_t& count = pattern.slot_count;
  const auto add = [&](const Expr* expr, std::optional<VarIndex> own) {
    add_slots(expr, own, program.step_of_var, count);
  };
  const auto add_var = [&](VarIndex var) {
    std::uint32_t& slot = program.step_of_var[var.value];
    if (slot == PatternStep::kNoSlot) slot = count++;
  };
  for (const Expr* expr : all_exprs(rule)) add(expr, std::nullopt);
  for (const PatternStep& step : pattern.steps) {
    add(step.element->where().get(), step.element->var());
  }
  if (rule.suppression.kind() == Once::kPerVariable) add_var(rule.suppression.var());
  if (rule.selection.kind == SelectionKind::kSkipToFirst ||
      rule.selection.kind == SelectionKind::kSkipToLast) {
    add_var(rule.selection.var);
  }
}

// Aggregates that are evaluated repeatedly as a partial match grows.
void add_totals(const Rule& rule, PatternProgram& pattern) {
  const std::function<void(const Expr&)> visit = [&](const Expr& expr) {
    if (expr.op == Op::kAggregate) {
      if (keeps_total(expr) && !pattern.total_of(&expr)) pattern.totals.push_back(&expr);
      return;
    }
    for (const ExprPtr& arg : expr.args) {
      if (arg) visit(*arg);
    }
  };
  for (const Expr* expr : condition_exprs(rule)) visit(*expr);
  for (const Expr* expr : decision_exprs(rule)) visit(*expr);
}

// The slots that a condition reads.
class SlotsRead {
 public:
  SlotsRead(const RuleProgram& rule, const PatternProgram& pattern)
      : rule_(rule), pattern_(pattern) {}

  std::uint64_t of(const Expr& expr, std::uint32_t own_slot) const {
    std::uint64_t read = 0;
    for_each_expr(expr, [&](const Expr& e) {
      if (const VarIndex* var = variable_of(e)) read |= bit(rule_.step_of_var[var->value]);
      if (e.op == Op::kPrev) read |= bit(own_slot);
    });
    return read;
  }
  std::uint64_t of(const ElementProgram& element, std::uint32_t own_slot) const {
    std::uint64_t read = 0;
    for (const Conjunct& conjunct : element.by_run) {
      read |= of(*conjunct.expr, own_slot);
      if (!conjunct.of_first) read |= bit(own_slot);
    }
    return read;
  }
  std::uint64_t of_step(std::uint32_t step) const {
    const PatternStep& program = pattern_.steps[step];
    std::uint64_t read = of(program.take, program.own_slot);
    if (program.until) read |= of(*program.until, PatternStep::kNoSlot);
    return read;
  }
  // What is evaluated when a match ends, before it is known to raise its alert.
  std::uint64_t at_end() const {
    const Rule& rule = *rule_.rule;
    std::uint64_t read = 0;
    for (const Expr* expr : decision_exprs(rule)) read |= of(*expr, PatternStep::kNoSlot);
    if (rule.suppression.kind() == Once::kPerVariable) {
      read |= bit(rule_.step_of_var[rule.suppression.var().value]);
    }
    return read;
  }

 private:
  static std::uint64_t bit(std::uint32_t slot) {
    return slot < kSlotsMax ? std::uint64_t{1} << slot : 0;
  }
  const RuleProgram& rule_;
  const PatternProgram& pattern_;
};

void find_live_slots(const RuleProgram& rule, PatternProgram& pattern) {
  const SlotsRead reads(rule, pattern);
  const std::uint64_t always =
      pattern.without ? reads.of(*pattern.without, PatternStep::kNoSlot) : 0;
  const std::uint64_t at_end = reads.at_end() | always;
  std::vector<std::uint64_t> own(pattern.steps.size());
  for (std::uint32_t i = 0; i < own.size(); ++i) own[i] = reads.of_step(i);
  for (PatternTransition& transition : pattern.transitions) {
    transition.live = always;
    for (const std::uint32_t absence : transition.absences) {
      transition.live |= reads.of(pattern.absences[absence].forbid, PatternStep::kNoSlot);
    }
    for (const std::uint32_t loop : transition.greedy) transition.live |= own[loop];
    if (transition.target == PatternTransition::kEnd) transition.live |= at_end;
  }
  // Backwards, so that a pattern without rounds needs one pass, and one that finds no change.
  std::vector<std::uint64_t> of_rest(pattern.fan_targets.size());  // of a fan that begins there
  std::vector<std::vector<std::uint32_t>> targets_of(pattern.steps.size());
  for (std::uint32_t i = 0; i < pattern.fan_targets.size(); ++i) {
    targets_of[pattern.fan_targets[i].step].push_back(i);
  }
  const auto live_after = [&](std::uint32_t step) {
    std::uint64_t live = own[step];
    for (const std::uint32_t next : pattern.steps[step].transitions) {
      live |= pattern.transitions[next].live;
    }
    return live;
  };
  const auto update = [&](PatternTransition& transition) {
    std::uint64_t live = transition.live;
    if (transition.target == PatternTransition::kFan) {
      live |= of_rest[transition.fan_begin];
    } else if (transition.target != PatternTransition::kEnd) {
      live |= live_after(transition.target);
    }
    return std::exchange(transition.live, live) != live;
  };
  // What fans wait for changes with the transitions of their steps, which are looked at last.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = pattern.steps.size(); i-- > 0;) {
      for (const std::uint32_t next : pattern.steps[i].transitions) {
        changed = update(pattern.transitions[next]) || changed;
      }
      for (const std::uint32_t target : targets_of[i]) {
        const FanTarget& at = pattern.fan_targets[target];
        const std::uint64_t rest = at.is_last ? 0 : of_rest[target + 1];
        const std::uint64_t live = of_rest[target] | live_after(at.step) | rest;
        changed = changed || live != of_rest[target];
        of_rest[target] = live;
      }
    }
  }
  for (const std::uint32_t start : pattern.starts) update(pattern.transitions[start]);
}

// Of members of an `all of` that take the same events, and of which nothing is read later, those
// written first are done first: whatever else they become comes later in the order.
void find_twins(const RuleProgram& rule, PatternProgram& pattern) {
  if (!rule.prunes || pattern.slot_count > kSlotsMax) return;
  const auto is_plain = [](const PatternStep& step) {
    return step.take.by_row.empty() && step.take.by_run.empty() && !step.until;
  };
  for (const PatternTransition& fan : pattern.transitions) {
    if (!fan.members) continue;
    std::map<std::pair<std::uint32_t, bool>, std::uint32_t> last;  // of such members
    for (std::uint32_t i = fan.fan_begin; i < fan.fan_end; ++i) {
      const std::uint32_t index = pattern.fan_targets[i].step;
      PatternStep& step = pattern.steps[index];
      if (!is_plain(step) || (step.slots & fan.live) != 0) continue;
      const auto [earlier, is_new] =
          last.try_emplace({step.take.predicate, step.element->is_optional()}, index);
      if (is_new) continue;
      step.twin = earlier->second;
      earlier->second = index;
    }
  }
}

// Whether each event that is considered counts, and whether values are kept for a later end.
void find_what_is_kept(RuleProgram& program, PatternProgram& pattern) {
  const Rule& rule = *program.rule;
  program.strict = rule.suppression.kind() == Once::kWhile;
  for (PatternTransition& transition : pattern.transitions) {
    if (transition.contiguity == Contiguity::kNext || transition.ending == Ending::kAtNext)
      program.strict = true;
    for (const std::uint32_t absence : transition.absences) {
      transition.absent_next =
          transition.absent_next || pattern.absences[absence].element->is_next();
    }
    program.strict = program.strict || transition.absent_next;
    if (transition.ending != Ending::kAtOnce) pattern.keeps_values = true;
  }
  const bool gives_in_turn =
      rule.selection.kind != SelectionKind::kDefault &&
      (rule.selection.kind != SelectionKind::kNoSkip || rule.selection.in_order);
  if (gives_in_turn) pattern.keeps_values = true;
}

std::int64_t longest_wait(const PatternProgram& pattern) {
  std::int64_t longest = 0;
  for (const PatternTransition& transition : pattern.transitions) {
    longest = std::max(longest, transition.wait.us);
  }
  return longest;
}

bool reads_current(const Expr* expr) {
  return any_expr(*expr, [](const Expr& e) {
    return e.op == Op::kField || e.op == Op::kFeature || e.op == Op::kInKinds;
  });
}

// Whether partial matches that have the same future may be merged: the one that comes first in the
// order would always be the one that is selected.
bool prefers_one(const Selection& selection) {
  switch (selection.kind) {
    case SelectionKind::kDefault:
    case SelectionKind::kSkipPastLast:
    case SelectionKind::kSkipToNext:
      return true;
    default:
      return false;
  }
}

std::optional<Duration> wait_from_first(const PatternProgram& pattern) {
  std::optional<Duration> wait;
  for (const PatternTransition& transition : pattern.transitions) {
    if (transition.ending != Ending::kAtDeadline || !transition.waits_from_first) continue;
    if (wait && *wait != transition.wait) return std::nullopt;
    wait = transition.wait;
  }
  return wait;
}

void find_pruning(RuleProgram& program, const PatternProgram& pattern) {
  const Selection& selection = program.rule->selection;
  const bool waits_from_first =
      std::any_of(pattern.transitions.begin(), pattern.transitions.end(),
                  [](const PatternTransition& transition) {
                    return transition.ending == Ending::kAtDeadline && transition.waits_from_first;
                  });
  program.prunes = prefers_one(selection);
  program.prunes_over_starts = selection.kind == SelectionKind::kDefault && !waits_from_first &&
                               (selection.prefer_latest || !program.within);
}
// PatternProgram::keeps_order.
bool keeps_order(const RuleProgram& program, const PatternProgram& pattern) {
  if (pattern.is_compact || program.members || program.rule->selection.in_order) return false;
  return std::ranges::none_of(pattern.steps, [&](const PatternStep& step) {
    return std::ranges::any_of(step.transitions, [&](std::uint32_t index) {
      const PatternTransition& transition = pattern.transitions[index];
      if (transition.target == PatternTransition::kEnd) return false;
      const bool merges_starts = program.prunes_over_starts && transition.live == 0;
      return transition.target == PatternTransition::kFan || merges_starts;
    });
  });
}

// Whether equal values of the type are the same number or the same text.
bool is_hashable(const Type& type) {
  return type.kind != TypeKind::kFloat && type.kind != TypeKind::kFraction;
}
// The two fields that a condition compares, if it is that: the event's own, and one of a variable
// that the step's event does not belong to.
std::optional<FieldEquality> equality_of(const Expr& expr, const RuleProgram& program,
                                         const PatternStep& step) {
  if (expr.op != Op::kEqual) return std::nullopt;
  FieldEquality equality{expr.args[0].get(), expr.args[1].get()};
  if (equality.own->op == Op::kBound) std::swap(equality.own, equality.earlier);
  if (equality.own->op != Op::kField || equality.earlier->op != Op::kBound ||
      !equality.earlier->args.empty() || equality.own->type != equality.earlier->type ||
      !is_hashable(equality.own->type)) {
    return std::nullopt;
  }
  const std::uint32_t slot = program.step_of_var[equality.earlier->as<BoundField>().var.value];
  if (slot >= kSlotsMax || (step.slots >> slot & 1) != 0) return std::nullopt;
  return equality;
}
std::optional<FieldEquality> equality_of(const RuleProgram& program, const PatternStep& step) {
  std::optional<FieldEquality> found;
  for (const Conjunct& conjunct : step.take.by_run) {
    const bool takes_steps = any_expr(*conjunct.expr, [](const Expr& e) {
      return e.op == Op::kAggregate || e.op == Op::kInLoop || (is_data(e.op) && reads_run(e));
    });
    if (takes_steps) return std::nullopt;
    if (!found && conjunct.of_first) found = equality_of(*conjunct.expr, program, step);
  }
  return found;
}
void find_equalities(const RuleProgram& program, PatternProgram& pattern) {
  for (PatternStep& step : pattern.steps) step.equality = equality_of(program, step);
  for (PatternTransition& transition : pattern.transitions) {
    if (transition.target >= PatternTransition::kFan) continue;
    const PatternStep& step = pattern.steps[transition.target];
    transition.is_by_value = step.equality && transition.contiguity != Contiguity::kNext &&
                             transition.absences.empty() && transition.greedy.empty() &&
                             !(transition.further && step.until);
  }
}

// PatternProgram::paths.
void find_paths(const RuleProgram& program, PatternProgram& pattern) {
  const std::vector<Obstacle> obstacles = general_obstacles(*program.rule);
  const auto is_known = [](ObstacleKind kind) { return is_of_paths(kind) || is_of_clause(kind); };
  if (!std::ranges::any_of(obstacles, is_of_paths, &Obstacle::kind) ||
      !std::ranges::all_of(obstacles, is_known, &Obstacle::kind)) {
    return;
  }
  auto paths = paths_of(program);
  if (!paths) return;
  pattern.paths = std::move(*paths);
  pattern.is_by_paths = !obstacle_of_clauses(*program.rule, reads_run);
}

// The same tests, of steps instead of slots.
ElementProgram with_steps(ElementProgram element, const Plan& plan, const RuleProgram& steps) {
  for (Conjunct& conjunct : element.by_run) {
    conjunct.words = make_word_test(plan, *conjunct.expr, steps.step_of_var);
    if (!conjunct.words) conjunct.sum = make_sum_test(plan, *conjunct.expr, steps.step_of_var);
  }
  return element;
}

// PatternProgram::sequence. Its method is kRuns where busy keys are matched by it. Where a clause
// keeps them from that, it says how that is read which the rule without it has written.
std::shared_ptr<const RuleProgram> sequence_of_pattern(const Plan& plan, const RuleProgram& program,
                                                       const PatternProgram& pattern) {
  const Rule& rule = *program.rule;
  const auto is_known = [](ObstacleKind kind) {
    return is_of_sequence(kind) || is_of_clause(kind);
  };
  if (!std::ranges::all_of(general_obstacles(rule), is_known, &Obstacle::kind)) return nullptr;
  if (obstacle_of_without(rule)) return nullptr;
  TOCSIN_ASSERT(!pattern.without || pattern.without->by_run.empty(), "it asks of the event alone");
  RuleProgram steps = sketch_of(plan, rule).program;
  for (std::size_t i = 0; i < steps.steps.size(); ++i) {
    StepProgram& step = steps.steps[i];
    step.take = with_steps(pattern.steps[i].take, plan, steps);
    if (step.max == 1) {  // what looks back at the loop's own events is never asked
      std::erase_if(step.take.by_run, [](const Conjunct& asked) { return !asked.of_first; });
    }
    step.guards.clear();
    if (const PatternTransition* const on = pattern.transition_on(i)) {
      for (const std::uint32_t absence : on->absences) {
        step.guards.push_back(with_steps(pattern.absences[absence].forbid, plan, steps));
      }
    }
  }
  auto sequence = sequence_of(plan, std::move(steps));
  if (!sequence) return nullptr;
  sequence->index = program.index;
  sequence->table = program.table;
  const bool is_matched = !obstacle_of_clauses(
      rule, [&](const Expr& expr) { return reads_before_last(*sequence, expr); });
  sequence->method = is_matched ? Method::kRuns : Method::kGeneral;
  return std::make_shared<const RuleProgram>(std::move(*sequence));
}
}  // namespace

void Compiler::compile_pattern(RuleProgram& program) {
  const Rule& rule = *program.rule;
  const auto pattern = std::make_shared<PatternProgram>(make_pattern(rule, out_->limits));
  program.pattern = pattern;
  if (rule.without && rule.without->absent_for) program.within = rule.without->absent_for;
  assign_slots(program, *pattern);
  // A match that `at most` alone holds back leaves its events untaken, and is searched again.
  pattern->keeps_clear =
      rule.suppression.kind() == Once::kPerVariable && rule.suppression.at_most.has_value();
  add_totals(rule, *pattern);
  compile_elements(program, *pattern);
  find_live_slots(program, *pattern);

  program.considered_predicate = add_predicate(
      program.table, make_predicate(program.table, seen_by(rule, rule.considered), {}));
  if (rule.suppression.kind() == Once::kWhile) {
    rule_rows_.push_back({seen_by(rule, rule.considered), {}});
  }
  find_what_is_kept(program, *pattern);
  const std::vector<const Expr*> decisions = decision_exprs(rule);
  pattern->end_reads_last = std::any_of(decisions.begin(), decisions.end(), reads_current);
  program.asks_later = pattern->keeps_values;
  program.sets_deadlines = pattern->has_deadlines || rule.selection.in_order;
  pattern->wait_from_first = wait_from_first(*pattern);
  find_pruning(program, *pattern);
  find_twins(program, *pattern);
  if (auto members = members_of(rule)) program.members = std::move(*members);
  pattern->keeps_order = keeps_order(program, *pattern);
  for (std::uint32_t i = 0; i < pattern->transitions.size(); ++i) {
    if (pattern->transitions[i].gap) pattern->gapped.push_back(i);
  }
  find_equalities(program, *pattern);
  find_paths(program, *pattern);
  pattern->sequence = sequence_of_pattern(plan_, program, *pattern);
  TableProgram& table = out_->tables[program.table];
  table.longest_us = std::max(table.longest_us, longest_wait(*pattern));
  if (rule.suppression.at_most) {
    table.longest_us = std::max(table.longest_us, rule.suppression.at_most->duration.us);
  }
}

void Compiler::compile_elements(RuleProgram& program, PatternProgram& pattern) {
  const Rule& rule = *program.rule;
  const auto compile_made = [&](const std::vector<Subset>& events, const ExprPtr& where) {
    Absence made;
    made.events = events;
    made.where = where;
    return compile_element(program, pattern.made_elements.emplace_back(std::move(made)));
  };
  for (PatternStep& step : pattern.steps) {
    const Element& element = *step.element;
    step.own_slot = program.step_of_var[element.var().value];
    for (std::optional<VarIndex> var = element.var(); var;
         var = rule.variables[var->value].parent) {
      const std::uint32_t slot = program.step_of_var[var->value];
      if (slot < kSlotsMax) step.slots |= std::uint64_t{1} << slot;
    }
    const std::string* const name = shown_name(rule, element.var());
    step.name = name != nullptr ? *name : std::string();
    step.take = compile_element(program, element);
    if (!element.until_events().empty()) {
      step.until = compile_made(element.until_events(), element.until_where());
    }
  }
  for (PatternAbsence& absence : pattern.absences) {
    absence.forbid = compile_element(program, *absence.element);
  }
  if (rule.without) pattern.without = compile_made(rule.without->events, rule.without->where);
}

// A closing window is a pattern of one step, which takes all that is collected.
void Compiler::compile_window(RuleProgram& program) {
  const Rule& rule = *program.rule;
  const ClosingWindow& window = *rule.window;
  const auto pattern = std::make_shared<PatternProgram>();
  program.pattern = pattern;
  program.step_of_var.assign(rule.variables.size(), 0);
  pattern->slot_count = 1;
  pattern->keeps_values = pattern->has_deadlines = true;
  Step all;
  all.events = window.events;
  all.events.insert(all.events.end(), rule.considered.begin(), rule.considered.end());
  all.var = window.var;
  const Element& collected = pattern->made_elements.emplace_back(std::move(all));
  Step opens;
  opens.events = window.events;
  const Element& opening = pattern->made_elements.emplace_back(std::move(opens));
  PatternStep& step = pattern->steps.emplace_back();
  step.element = &collected;
  step.own_slot = 0;
  step.slots = 1;
  step.name = rule.variables[window.var.value].name;
  step.take = compile_element(program, collected);
  pattern->opens = compile_element(program, opening);
  program.considered_predicate = step.take.predicate;
  program.asks_later = program.sets_deadlines = true;
  TableProgram& table = out_->tables[program.table];
  if (const CalendarSpan* const calendar = window.calendar()) {
    pattern->window_zone = find_zone(plan_.zones, calendar->zone);
  }
  table.longest_us = std::max(table.longest_us, longest_of(window).us);
  if (rule.suppression.at_most) {
    table.longest_us = std::max(table.longest_us, rule.suppression.at_most->duration.us);
  }
}
}  // namespace tocsin::cep

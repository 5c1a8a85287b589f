#include "cep/compile/compile_places.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "cep/plan/comparison.h"
#include "cep/plan/expr.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// Whether a busy key keeps the aggregate of a loop's events ready.
bool is_kept(const Expr& aggregate) {
  if (keeps_total(aggregate)) return true;
  const auto reads_others = [](const ExprPtr& arg) {
    return arg && (reads_run(*arg) || reads_key_state(*arg));
  };
  return aggregate.as_validated<VariableAggregate>().aggregate == Aggregate::kDistinct &&
         std::ranges::none_of(aggregate.args, reads_others) &&
         is_told_by_bytes(aggregate.args[0]->type.kind);
}

// Aggregates over the loop's events that alerts show or decisions ask for.
std::vector<const Expr*> totals_of(const RuleProgram& rule, std::uint32_t loop) {
  std::vector<const Expr*> totals;
  const std::function<void(const Expr&)> visit = [&](const Expr& expr) {
    if (expr.op == Op::kAggregate) {
      const VarIndex var = expr.as_validated<VariableAggregate>().var;
      if (rule.step_of_var[var.value] == loop && is_kept(expr)) totals.push_back(&expr);
      return;
    }
    for (const ExprPtr& arg : expr.args) {
      if (arg) visit(*arg);
    }
  };
  for (const Expr* expr : alert_exprs(*rule.rule)) visit(*expr);
  return totals;
}

// Whether several loops are matched by places: where one of them ends and the next begins is all
// that matches of one first event differ in (cep/places/longest_match.h).
bool allows_loops(const RuleProgram& rule) {
  return !rule.rule->without && std::ranges::all_of(rule.steps, [](const StepProgram& step) {
    return step.contiguity == Contiguity::kAny && step.guards.empty() && !step.gap &&
           (step.max == 1 || step.max == kUnbounded);
  });
}

// A loop of PatternProgram::sequence that the simple methods do not know.
bool is_special(const StepProgram& step) { return step.has_until || step.is_greedy; }

// Whether a condition on a match that holds for one of those that end with an event holds for the
// first of them in order, which has the oldest first event and the longest loop: it asks only of
// the last event, or asks that an aggregate be at least something which does not fall as the loop
// grows.
class LongestDecides {
 public:
  LongestDecides(const RuleProgram& rule, const PlacesProgram& places)
      : rule_(rule), places_(places) {}

  bool holds_for(const Expr& having) const {
    if (!reads_others(having)) return true;
    if (rule_.rule->without) return false;
    // What `until` ends for the oldest first event may be longer for another one.
    if (std::ranges::any_of(rule_.steps, is_special)) return false;
    if (having.op == Op::kAnd) {
      return std::ranges::all_of(having.args, [&](const ExprPtr& arg) { return holds_for(*arg); });
    }
    // The longest loop has all events of the others only where nothing bounds it.
    if (places_.loops.size() != 1 || rule_.steps[places_.loops[0]].max != kUnbounded) return false;
    for (std::size_t step = places_.loops[0]; step < rule_.steps.size(); ++step) {
      const StepProgram& at = rule_.steps[step];
      const bool is_behind = step > places_.loops[0];
      if (!at.guards.empty() ||
          (is_behind && (at.contiguity != Contiguity::kAny || at.gap.has_value()))) {
        return false;
      }
    }
    switch (having.op) {
      case Op::kGreater:
      case Op::kGreaterEqual:
        return grows(*having.args[0]) && !reads_others(*having.args[1]);
      case Op::kLess:
      case Op::kLessEqual:
        return grows(*having.args[1]) && !reads_others(*having.args[0]);
      default:
        return false;
    }
  }

  // Whether it reads events of the match but the last one.
  bool reads_others(const Expr& expr) const { return reads_before_last(rule_, expr); }

 private:
  bool grows(const Expr& expr) const {
    if (expr.op != Op::kAggregate) return false;
    const auto& over = expr.as_validated<VariableAggregate>();
    if (rule_.step_of_var[over.var.value] != places_.loops[0]) return false;
    for (const ExprPtr& arg : expr.args) {
      if (arg && (reads_run(*arg) || reads_key_state(*arg))) return false;
    }
    return over.aggregate == Aggregate::kCount || over.aggregate == Aggregate::kDistinct ||
           over.aggregate == Aggregate::kMax;
  }

  const RuleProgram& rule_;
  const PlacesProgram& places_;
};

// What of a loop with `until` or `greedy` needs partial matches: both at once, other loops, a
// condition on earlier events, and steps before the loop where the longest loop of a first event
// may be any, since it is counted or `until` ended it and not plain `then` alone leads on from it.
std::optional<Obstacle> obstacle_of_loop(const RuleProgram& rule, const PlacesProgram& places) {
  const auto loop = std::ranges::find_if(rule.steps, is_special);
  if (loop == rule.steps.end()) return std::nullopt;
  const Element* const element = loop->take.element;
  const bool is_at_border = loop == rule.steps.begin() || loop + 1 == rule.steps.end();
  const auto leads_on = [](const StepProgram& step) {
    return step.contiguity == Contiguity::kAny && !step.gap && step.guards.empty();
  };
  const bool is_plain = loop->guards.empty() && std::all_of(loop + 1, rule.steps.end(), leads_on);
  const bool is_known = is_at_border || (loop->has_until ? is_plain : loop->max == kUnbounded);
  // Without an end in time, partial matches with the same future are one: they are few.
  const bool is_endless = !rule.within && rule.rule->selection.kind == SelectionKind::kDefault;
  if (is_endless || !is_known || places.loops.size() > 1 || rule.rule->without ||
      (loop->has_until && loop->is_greedy)) {
    return Obstacle{loop->is_greedy ? ObstacleKind::kGreedy : ObstacleKind::kUntil, element};
  }
  const ExprPtr& where = element->until_where();
  if (where && reads_run(*where)) return Obstacle{ObstacleKind::kEarlierEvent, element};
  const auto reads_earlier = [](const StepProgram& step) {
    return !step.take.by_run.empty() ||
           std::ranges::any_of(step.guards,
                               [](const ElementProgram& guard) { return !guard.by_run.empty(); });
  };
  const auto reader = std::ranges::find_if(rule.steps, reads_earlier);
  if (reader == rule.steps.end()) return std::nullopt;
  return Obstacle{ObstacleKind::kEarlierEvent, reader->take.element};
}

// Finds the bound on a sum where the match that comes first among those that keep to it is one for
// which the whole condition holds, if it holds for any: the loop is the first or the last step, and
// plain `then` leads from each step to the next.
std::optional<PlacesSum> sum_of(const RuleProgram& rule, const PlacesProgram& places) {
  if (places.loops.size() != 1 || is_special(rule.steps[places.loops[0]]) || rule.rule->without) {
    return std::nullopt;
  }
  const std::uint32_t loop = places.loops[0];
  const bool is_last = loop + 1 == rule.steps.size();
  if ((loop != 0 && !is_last) || rule.steps[loop].max != kUnbounded) return std::nullopt;
  for (std::size_t step = 0; step < rule.steps.size(); ++step) {
    const StepProgram& at = rule.steps[step];
    if (!at.guards.empty() || at.gap || (step > 0 && at.contiguity != Contiguity::kAny)) {
      return std::nullopt;
    }
  }
  const LongestDecides decides(rule, places);
  std::vector<ExprPtr> conditions;
  split_conjuncts(rule.rule->having, conditions);
  std::optional<PlacesSum> found;
  for (const ExprPtr& condition : conditions) {
    // Of a loop that ends with the current event, the longest of those left decides the others too.
    if (!decides.reads_others(*condition)) continue;
    if (is_last && decides.holds_for(*condition)) continue;
    if (found || !is_comparison(condition->op)) return std::nullopt;
    for (const bool swapped : {false, true}) {
      const Expr& sum = *condition->args[swapped ? 1 : 0];
      const Expr& bound = *condition->args[swapped ? 0 : 1];
      if (sum.op != Op::kAggregate || decides.reads_others(bound) || !is_kept(sum)) continue;
      const auto& over = sum.as_validated<VariableAggregate>();
      if (over.aggregate != Aggregate::kSum || rule.step_of_var[over.var.value] != loop) continue;
      found = PlacesSum{&sum, &bound, swapped ? mirrored(condition->op) : condition->op};
    }
    if (!found || found->op == Op::kEqual || found->op == Op::kNotEqual) return std::nullopt;
  }
  return found;
}

// What `having` asks of a loop that reaches for a time: besides what it asks of the last event,
// that the loop has so many events, or different values, at least. Absent where it asks anything
// else.
std::optional<std::vector<PlacesReach::Least>> enough_of(const RuleProgram& rule,
                                                         const PlacesProgram& places) {
  std::vector<PlacesReach::Least> enough;
  std::vector<ExprPtr> conditions;
  split_conjuncts(rule.rule->having, conditions);
  for (const ExprPtr& condition : conditions) {
    if (!reads_before_last(rule, *condition)) continue;
    if (!is_comparison(condition->op)) return std::nullopt;
    const bool swapped = condition->args[0]->op != Op::kAggregate;
    const Expr& of_loop = *condition->args[swapped ? 1 : 0];
    const Value bound = literal_of(*condition->args[swapped ? 0 : 1]);
    const Op op = swapped ? mirrored(condition->op) : condition->op;
    if (of_loop.op != Op::kAggregate || (op != Op::kGreater && op != Op::kGreaterEqual) ||
        bound.kind != ValueKind::kInt) {
      return std::nullopt;
    }
    const auto& over = of_loop.as_validated<VariableAggregate>();
    const std::optional<std::uint32_t> total = places.total_of(0, &of_loop);
    const bool is_known =
        over.aggregate == Aggregate::kCount || over.aggregate == Aggregate::kDistinct;
    if (!is_known || !total || rule.step_of_var[over.var.value] != 0) return std::nullopt;
    const Int128 least = bound.number + (op == Op::kGreater ? 1 : 0);
    constexpr auto kMost = static_cast<Int128>(std::numeric_limits<std::int64_t>::max());
    enough.push_back({*total, over.aggregate == Aggregate::kDistinct,
                      static_cast<std::uint64_t>(std::clamp(least, Int128{0}, kMost))});
  }
  return enough;
}

// Whether an event that does not fit the step changes nothing there: no absence before it, no event
// that ends a loop or is a greedy one's, and nothing that time or any event ends.
bool is_passive(const RuleProgram& rule, std::size_t step) {
  const StepProgram& own = rule.steps[step];
  const bool is_first = step == 0;
  return !own.has_until && !own.gap && (is_first || own.contiguity != Contiguity::kNext) &&
         (is_first || (rule.steps[step - 1].guards.empty() && !rule.steps[step - 1].is_greedy));
}

void list_steps_by_type(const RuleProgram& rule, PlacesProgram& places) {
  for (std::size_t step = rule.steps.size(); step-- > 0;) {
    for (const Subset& taken : rule.steps[step].take.element->events()) {
      const std::size_t types = std::size_t{taken.type.value} + 1;
      if (places.steps_of_type.size() < types) places.steps_of_type.resize(types);
    }
  }
  for (std::size_t step = rule.steps.size(); step-- > 0;) {
    const PlacesProgram::StepOfType of_type{
        static_cast<std::uint32_t>(step), rule.steps[step].take.predicate, is_passive(rule, step)};
    const bool is_always = !of_type.is_passive;
    if (is_always) places.steps_of_others.push_back(of_type);
    const std::vector<Subset>& events = rule.steps[step].take.element->events();
    for (std::uint32_t type = 0; type < places.steps_of_type.size(); ++type) {
      const bool is_taken = std::ranges::any_of(
          events, [&](const Subset& taken) { return taken.type.value == type; });
      if (is_always || is_taken) places.steps_of_type[type].push_back(of_type);
    }
  }
}
}  // namespace

bool reads_before_last(const RuleProgram& rule, const Expr& expr) {
  return any_expr(expr, [&](const Expr& read) {
    const VarIndex* const var = variable_of(read);
    if (read.op == Op::kPrev) return true;
    if (var == nullptr) return false;
    const std::uint32_t step = rule.step_of_var[var->value];
    return step + 1 != rule.steps.size() || rule.steps[step].max > 1;
  });
}

bool is_of_sequence(ObstacleKind kind) {
  return kind == ObstacleKind::kUntil || kind == ObstacleKind::kGreedy ||
         kind == ObstacleKind::kWithout;
}

tl::expected<PlacesProgram, Obstacle> places_of(const Plan& plan, const RuleProgram& rule) {
  const auto no = [](ObstacleKind kind, const Element* element = nullptr) {
    return tl::unexpected(Obstacle{kind, element});
  };
  const SelectionKind kind = rule.rule->selection.kind;
  if (rule.ends_absent) return no(ObstacleKind::kAbsenceAtEnd);
  if (kind == SelectionKind::kNoSkip) return no(ObstacleKind::kNoSkip);
  if (kind != SelectionKind::kDefault && kind != SelectionKind::kSkipPastLast) {
    return no(ObstacleKind::kAfterMatch);
  }
  PlacesProgram places;
  find_comparisons(rule, places);
  places.reach = reach_of(plan, rule);
  const auto is_compared = [&](const Conjunct& conjunct) {
    return (places.reach && places.reach->condition == conjunct.expr) ||
           (places.pair && std::ranges::count(places.pair->conditions, conjunct.expr) > 0) ||
           (places.chain && places.chain->has(conjunct.expr));
  };
  const auto looks_at_one_event = [&](const ElementProgram& element) {
    return std::ranges::all_of(element.by_run, is_compared);
  };
  for (std::uint32_t i = 0; i < rule.steps.size(); ++i) {
    const StepProgram& step = rule.steps[i];
    if (!places.value) {
      if (!looks_at_one_event(step.take)) {
        return no(ObstacleKind::kEarlierEvent, step.take.element);
      }
      const auto guard = std::ranges::find_if_not(step.guards, looks_at_one_event);
      if (guard != step.guards.end()) return no(ObstacleKind::kEarlierEvent, guard->element);
    }
    places.first_place.push_back(places.place_count);
    const bool is_loop = step.max > 1;
    if (is_loop && step.mode != LoopMode::kRelaxed) {
      return no(ObstacleKind::kNextInLoop, step.take.element);
    }
    if (is_loop) places.loops.push_back(i);
    places.place_count += is_loop ? 2 : 1;
    // Whatever follows an entry follows the one before it too; behind the loop, though, the later
    // entry may come of a longer loop.
    const bool is_last = i + 1 == rule.steps.size();
    const bool waits_on = !is_last && step.guards.empty() &&
                          rule.steps[i + 1].contiguity == Contiguity::kAny &&
                          !rule.steps[i + 1].gap;
    places.omits_equals.resize(places.place_count,
                               waits_on && places.loops.empty() && !places.chain);
  }
  if (places.loops.size() > 1 && !allows_loops(rule)) {
    return no(ObstacleKind::kSecondLoop, rule.steps[places.loops[1]].take.element);
  }
  if (const auto obstacle = obstacle_of_loop(rule, places)) return tl::unexpected(*obstacle);
  for (const std::uint32_t loop : places.loops) places.totals.push_back(totals_of(rule, loop));
  if (places.reach) {
    // The longest loop of the oldest first event may be over too soon, and that of a later one not.
    auto enough = enough_of(rule, places);
    if (!enough) return no(ObstacleKind::kHaving);
    places.reach->enough = std::move(*enough);
  } else if (rule.rule->having && !LongestDecides(rule, places).holds_for(*rule.rule->having)) {
    places.sum = sum_of(rule, places);
    if (!places.sum) return no(ObstacleKind::kHaving);
  }
  list_steps_by_type(rule, places);
  return places;
}
}  // namespace tocsin::cep

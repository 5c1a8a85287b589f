// What the steps of a rule compare with earlier events, in the forms that a busy key is matched by
// (cep/places/compared_places.cpp).
#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "cep/compile/compile_places.h"
#include "cep/compile/word_test.h"
#include "cep/plan/comparison.h"
#include "cep/plan/event_comparison.h"
#include "cep/plan/expr.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/int128.h"

namespace tocsin::cep {
namespace {
bool is_comparable(TypeKind kind) {
  return kind == TypeKind::kInt || kind == TypeKind::kDecimal || kind == TypeKind::kFloat ||
         kind == TypeKind::kFraction || kind == TypeKind::kTime || kind == TypeKind::kDate ||
         kind == TypeKind::kDuration;
}
// The duration of a literal, in microseconds; absent for all else.
std::optional<std::int64_t> duration_of(const Expr& expr) {
  const Value value = literal_of(expr);
  // The least of all is left out: one less is none any more.
  const bool is_known = value.kind == ValueKind::kDuration && fits_64(value.number) &&
                        value.number > std::numeric_limits<std::int64_t>::min();
  return is_known ? std::optional(static_cast<std::int64_t>(value.number)) : std::nullopt;
}
// Whether it is the same whenever it is asked: it reads the step's event, and nothing that changes.
bool is_of_step(const RuleProgram& rule, const Expr& expr, std::uint32_t step) {
  if (expr.op == Op::kLiteral) return true;
  if (expr.op == Op::kBound) {
    const auto& bound = expr.as_validated<BoundField>();
    return expr.args.empty() && bound.which == Which::kOnly &&
           rule.step_of_var[bound.var.value] == step;
  }
  const auto is = [&](const ExprPtr& arg) { return is_of_step(rule, *arg, step); };
  return is_arithmetic(expr.op) && std::ranges::all_of(expr.args, is);
}

// Whether it compares `ts - a.ts`, how much later the step's event is than that of an earlier step,
// with a constant: no difference of times leaves 64 bits.
bool is_of_time_between(const RuleProgram& rule, const Expr& left, const Expr& right,
                        std::uint32_t earlier) {
  const auto is_between = [&](const Expr& expr) {
    return expr.op == Op::kSubtract && expr.args[0]->type.kind == TypeKind::kTime &&
           expr.args[1]->type.kind == TypeKind::kTime && expr.args[1]->op == Op::kBound &&
           is_of_step(rule, *expr.args[1], earlier) && !reads_run(*expr.args[0]);
  };
  return (is_between(left) && duration_of(right)) || (is_between(right) && duration_of(left));
}
// As compared_sums(), of the event of an earlier step and the one on offer.
std::optional<EventComparison> sums_of(const RuleProgram& rule, std::uint32_t earlier, Op op,
                                       int times_left, const Expr& left, const Expr& right) {
  return compared_sums(op, times_left, left, right,
                       [&](const Expr& expr) { return is_of_step(rule, expr, earlier); });
}

// What the second of two steps that each take one event asks of both events.
class PairOfEvents {
 public:
  explicit PairOfEvents(const RuleProgram& rule) : rule_(rule) {}

  // Whether the rule is such two steps, the second reached by plain `then`.
  bool is_pair() const {
    const std::vector<StepProgram>& steps = rule_.steps;
    return steps.size() == 2 && steps[0].max == 1 && steps[1].max == 1 &&
           steps[1].contiguity == Contiguity::kAny;
  }
  // Nothing where it asks nothing but `left_out`, which may be null.
  std::optional<PlacesPair> find(const Conjunct* left_out) {
    for (const Conjunct& conjunct : rule_.steps[1].take.by_run) {
      if (&conjunct == left_out) continue;
      const bool is_known = add(*conjunct.expr);
      if (!is_known || !reads_one_field()) pair_.rest.push_back(conjunct);
      pair_.conditions.push_back(conjunct.expr);
    }
    if (pair_.conditions.empty()) return std::nullopt;
    return pair_;
  }

 private:
  // Whether all ordered comparisons read one field of the first event: values of several fields
  // need not rise or fall together, and then many first events may have to be looked at.
  bool reads_one_field() const {
    const Expr* known = nullptr;
    const auto is_other = [&](const Expr& expr) {
      if (expr.op != Op::kBound) return false;
      if (known == nullptr) known = &expr;
      return field_of(expr)->name != field_of(*known)->name;
    };
    return std::ranges::none_of(pair_.ordered, [&](const EventComparison& comparison) {
      const ComparedSide& side = comparison.earlier;
      if (side.plain != nullptr) return any_expr(*side.plain, is_other);
      return std::ranges::any_of(
          side.parts, [&](const SumPart& part) { return any_expr(*part.expr, is_other); });
    });
  }
  // Whether comparisons say all that the condition says.
  bool add(const Expr& expr) {
    if (expr.op == Op::kBetween) {
      const bool is_low = add(Op::kGreaterEqual, *expr.args[0], *expr.args[1]);
      return add(Op::kLessEqual, *expr.args[0], *expr.args[2]) && is_low;
    }
    if (!is_comparison(expr.op)) return false;
    const Expr& left = *expr.args[0];
    const Expr& right = *expr.args[1];
    if (expr.op == Op::kEqual) {
      const bool is_low = add(Op::kGreaterEqual, left, right);
      return add(Op::kLessEqual, left, right) && is_low;
    }
    return add(expr.op, left, right);
  }
  // `abs(x) < y` says that neither x nor -x is more.
  bool add_absolute(Op op, const Expr& left, const Expr& right) {
    if (function_of(left) != Function::kAbs || (op != Op::kLess && op != Op::kLessEqual)) {
      return false;
    }
    for (const int times : {1, -1}) add_sums(op, times, *left.args[0], right);
    return true;
  }
  bool add(Op op, const Expr& left, const Expr& right) {
    for (const bool swapped : {false, true}) {
      const Expr& own = swapped ? right : left;
      const Expr& of_first = swapped ? left : right;
      if (op == Op::kNotEqual) {
        const bool is_told = own.op == Op::kField && of_first.op == Op::kBound &&
                             own.type.kind == of_first.type.kind && is_told_by_bytes(own.type.kind);
        if (!is_told || !is_of_step(rule_, of_first, 0) || pair_.other) continue;
        pair_.other = PlacesPair::Other{&of_first, &own};
        return true;
      }
      if (!is_of_step(rule_, of_first, 0) || of_first.op == Op::kLiteral || reads_run(own))
        continue;
      if (!is_comparable(own.type.kind) || !is_comparable(of_first.type.kind)) continue;
      EventComparison comparison;
      comparison.earlier.plain = &of_first;
      comparison.own.plain = &own;
      comparison.op = swapped ? mirrored(op) : op;
      return add_ordered(comparison);
    }
    if (op == Op::kNotEqual || add_absolute(op, left, right) ||
        add_absolute(mirrored(op), right, left)) {
      return false;
    }
    return add_sums(op, 1, left, right) && is_of_time_between(rule_, left, right, 0);
  }
  bool add_sums(Op op, int times_left, const Expr& left, const Expr& right) {
    const auto comparison = sums_of(rule_, 0, op, times_left, left, right);
    return comparison && add_ordered(*comparison);
  }
  bool add_ordered(const EventComparison& comparison) {
    if (pair_.ordered.size() == PlacesPair::kOrderedMax) return false;
    pair_.ordered.push_back(comparison);
    return true;
  }

  const RuleProgram& rule_;
  PlacesPair pair_;
};

// The comparisons of three steps or more that each take one event, are reached by plain `then` and
// have no absences between them: each step compares its event with one earlier event at most, and
// whoever compares with a later event does so behind the last that compares with the one before.
// All that compare with one event ask the same of it.
class ChainOfValues {
 public:
  explicit ChainOfValues(const RuleProgram& rule) : rule_(rule) {}

  std::optional<PlacesChain> find() {
    const auto size = static_cast<std::uint32_t>(rule_.steps.size());
    if (size < 3 || size > PlacesChain::kStepsMax) return std::nullopt;
    chain_.steps.resize(size);
    std::optional<std::uint32_t> origin;  // the step whose value is carried
    for (std::uint32_t step = 0; step < size; ++step) {
      const StepProgram& at = rule_.steps[step];
      const bool is_plain = at.max == 1 && at.guards.empty() && !at.gap &&
                            (step == 0 || at.contiguity == Contiguity::kAny);
      if (!is_plain) return std::nullopt;
      const Expr* condition = nullptr;
      for (const Conjunct& conjunct : at.take.by_run) {
        const Op op = conjunct.expr->op;
        if (!is_comparison(op) || op == Op::kEqual || op == Op::kNotEqual) continue;
        if (std::exchange(condition, conjunct.expr) != nullptr) return std::nullopt;
      }
      if (condition == nullptr) continue;
      const std::optional<std::uint32_t> read = add(step, *condition);
      // Its value comes at the last step that compares with the one before, or behind it.
      if (!read || (origin && *read != *origin && *read < last_reader_)) {
        return std::nullopt;
      }
      origin = read;
      last_reader_ = step;
    }
    if (!origin) return std::nullopt;
    return chain_;
  }

 private:
  // Adds the condition of a step. The step that it compares with; absent where it has another form.
  std::optional<std::uint32_t> add(std::uint32_t step, const Expr& condition) {
    for (std::uint32_t from = 0; from < step; ++from) {
      const std::optional<EventComparison> comparison = comparison_with(from, condition);
      if (!comparison || (step + 1 < rule_.steps.size() && !is_kept(comparison->own))) continue;
      PlacesChain::Step& origin = chain_.steps[from];
      const Expr& earlier = *comparison->earlier.plain;
      const ComparedSide& own = comparison->own;
      const bool is_float = own.plain != nullptr && own.plain->type.kind == TypeKind::kFloat;
      if (origin.carried == nullptr) {
        origin.carried = &earlier;
        origin.op = comparison->op;
        is_float_ = is_float;
      } else if (origin.op != comparison->op || !is_same(*origin.carried, earlier) ||
                 is_float_ != is_float) {
        return std::nullopt;
      }
      chain_.steps[step].condition = &condition;
      chain_.steps[step].own = own;
      return from;
    }
    return std::nullopt;
  }
  // The condition as a comparison with an expression of an earlier step's event.
  std::optional<EventComparison> comparison_with(std::uint32_t from, const Expr& condition) const {
    const Expr& left = *condition.args[0];
    const Expr& right = *condition.args[1];
    for (const bool swapped : {false, true}) {
      const Expr& own = swapped ? right : left;
      const Expr& earlier = swapped ? left : right;
      if (earlier.op == Op::kLiteral || reads_run(own)) continue;
      if (!is_comparable(own.type.kind) || !is_comparable(earlier.type.kind)) continue;
      if (!is_of_step(rule_, earlier, from)) continue;
      EventComparison comparison;
      comparison.earlier.plain = &earlier;
      comparison.own.plain = &own;
      comparison.op = swapped ? mirrored(condition.op) : condition.op;
      return comparison;
    }
    if (!is_of_time_between(rule_, left, right, from)) return std::nullopt;
    auto sums = sums_of(rule_, from, condition.op, 1, left, right);
    return sums && sums->earlier.plain != nullptr ? sums : std::nullopt;
  }

  // Whether it can be asked again of a stored event.
  bool is_kept(const ComparedSide& own) const {
    if (own.plain != nullptr) return is_kept(*own.plain);
    return std::ranges::all_of(own.parts, [&](const SumPart& part) { return is_kept(*part.expr); });
  }
  bool is_kept(const Expr& own) const {
    if (own.op == Op::kLiteral) return true;
    if (own.op == Op::kField) {
      return std::ranges::all_of(field_of(own)->by_type,
                                 [&](const auto& read) { return is_stored(read); });
    }
    return is_arithmetic(own.op) &&
           std::ranges::all_of(own.args, [&](const ExprPtr& arg) { return is_kept(*arg); });
  }
  // Whether alerts show the field, or conditions read it of an event that was taken.
  bool is_stored(const std::pair<EventTypeIndex, FieldIndex>& read) const {
    const Rule& rule = *rule_.rule;
    const auto is_shown = [&](const Captured& captured) {
      return captured.type == read.first &&
             std::ranges::find(captured.fields, read.second) != captured.fields.end();
    };
    if (std::ranges::any_of(rule.captured, is_shown)) return true;
    return std::ranges::any_of(all_exprs(rule), [&](const Expr* root) {
      return any_expr(*root, [&](const Expr& expr) {
        if (expr.op != Op::kBound || !expr.args.empty()) return false;
        const auto& fields = field_of(expr)->by_type;
        return std::ranges::find(fields, read) != fields.end();
      });
    });
  }

  // Whether two expressions of a step's event are the same.
  static bool is_same(const Expr& a, const Expr& b) {
    if (a.op != b.op || a.args.size() != b.args.size()) return false;
    if (a.op == Op::kLiteral) {
      const Value one = literal_of(a);
      const Value other = literal_of(b);
      return one.kind == other.kind && same_value(one, other);
    }
    if (a.op == Op::kBound) {
      return a.as_validated<BoundField>().var == b.as_validated<BoundField>().var &&
             field_of(a)->by_type == field_of(b)->by_type;
    }
    return std::ranges::equal(a.args, b.args, [](const ExprPtr& one, const ExprPtr& other) {
      return is_same(*one, *other);
    });
  }

  const RuleProgram& rule_;
  PlacesChain chain_;
  std::uint32_t last_reader_ = 0;
  bool is_float_ = false;  // what the value in hand is compared with
};

// A rule's conditions on earlier events, where all of them compare a field of the event on offer
// for equality with one field of the first event, or of an event of which they said so.
class CommonValue {
 public:
  // Conditions that `is_other` is true of are not looked at.
  CommonValue(const RuleProgram& rule, std::function<bool(const Conjunct&)> is_other)
      : rule_(rule), is_other_(std::move(is_other)) {}

  std::optional<PlacesValue> find() {
    const std::vector<StepProgram>& steps = rule_.steps;
    if (steps.size() < 2 || steps[0].max > 1 || !steps[0].take.by_run.empty() || rule_.strict) {
      return std::nullopt;
    }
    value_.of_steps.resize(steps.size());
    value_.of_guards.resize(steps.size());
    for (std::uint32_t i = 0; i < steps.size(); ++i) {
      if (i > 0 && (value_.of_steps[i] = own_field(steps[i].take)) == nullptr) return std::nullopt;
      for (const ElementProgram& guard : steps[i].guards) {
        value_.of_guards[i].push_back(own_field(guard));
        if (value_.of_guards[i].back() == nullptr) return std::nullopt;
      }
    }
    return value_;
  }

 private:
  // The side of the element's one condition that is of the event on offer; null where it has
  // another one.
  const Expr* own_field(const ElementProgram& element) {
    const auto is_asked = [&](const Conjunct& conjunct) { return !is_other_(conjunct); };
    if (std::ranges::count_if(element.by_run, is_asked) != 1) return nullptr;
    const Expr& expr = *std::ranges::find_if(element.by_run, is_asked)->expr;
    if (expr.op != Op::kEqual) return nullptr;
    for (const bool swapped : {false, true}) {
      const Expr& own = *expr.args[swapped ? 1 : 0];
      const Expr& other = *expr.args[swapped ? 0 : 1];
      if (own.op != Op::kField || other.op != Op::kBound || !other.args.empty()) continue;
      if (own.type.kind != other.type.kind || !is_told_by_bytes(own.type.kind)) continue;
      if (is_common(other)) return &own;
    }
    return nullptr;
  }
  bool is_common(const Expr& read) {
    const auto& bound = read.as_validated<BoundField>();
    if (bound.which != Which::kOnly) return false;
    const std::uint32_t step = rule_.step_of_var[bound.var.value];
    const Expr* const known = value_.of_steps[step];
    if (step == 0 && known == nullptr) {
      value_.of_steps[0] = &read;
      return true;
    }
    return known != nullptr && field_of(*known)->name == field_of(read)->name;
  }

  const RuleProgram& rule_;
  std::function<bool(const Conjunct&)> is_other_;
  PlacesValue value_;
};

// How much later than the first event of a loop its others may be.
class TimeFromFirst {
 public:
  TimeFromFirst(const Plan& plan, const RuleProgram& rule) : plan_(plan), rule_(rule) {}

  // As the condition says it, which has the form `ts - first.ts < 10m`. A sum of a time and a
  // duration is another matter: it may be no time any more.
  std::optional<std::int64_t> most_us(const Expr& condition) const {
    if (!is_comparison(condition.op)) return std::nullopt;
    for (const bool swapped : {false, true}) {
      const Expr& left = *condition.args[swapped ? 1 : 0];
      const Expr& right = *condition.args[swapped ? 0 : 1];
      const Op op = swapped ? mirrored(condition.op) : condition.op;
      if (op != Op::kLess && op != Op::kLessEqual) continue;
      if (left.op != Op::kSubtract || !is_own(*left.args[0]) || !is_of_first(*left.args[1])) {
        continue;
      }
      const std::optional<std::int64_t> most = duration_of(right);
      if (most) return op == Op::kLess ? *most - 1 : *most;
    }
    return std::nullopt;
  }

 private:
  bool is_event_time(const FieldRef& field) const {
    return std::ranges::all_of(field.by_type, [&](const auto& of) {
      return plan_.event_types[of.first.value].time_field == of.second;
    });
  }
  bool is_own(const Expr& expr) const {
    return expr.op == Op::kField && is_event_time(*field_of(expr));
  }
  bool is_of_first(const Expr& expr) const {
    if (expr.op != Op::kBound || !expr.args.empty()) return false;
    const auto& bound = expr.as_validated<BoundField>();
    return bound.which == Which::kFirst && rule_.step_of_var[bound.var.value] == 0 &&
           is_event_time(bound.field);
  }

  const Plan& plan_;
  const RuleProgram& rule_;
};
}  // namespace

std::optional<PlacesReach> reach_of(const Plan& plan, const RuleProgram& rule) {
  const std::vector<StepProgram>& steps = rule.steps;
  if (steps.size() > 2 || !rule.within || rule.rule->without) return std::nullopt;
  const StepProgram& loop = steps.front();
  if (loop.max != kUnbounded || loop.mode != LoopMode::kRelaxed || loop.has_until ||
      loop.is_greedy || loop.take.by_run.size() != 1) {
    return std::nullopt;
  }
  for (const StepProgram& step : steps) {
    const bool is_first = &step == &loop;
    if (!step.guards.empty() || step.gap) return std::nullopt;
    if (is_first) continue;
    if (step.max > 1 || step.contiguity != Contiguity::kAny || !step.take.by_run.empty()) {
      return std::nullopt;
    }
  }
  PlacesReach reach;
  reach.condition = loop.take.by_run.front().expr;
  const std::optional<std::int64_t> most = TimeFromFirst(plan, rule).most_us(*reach.condition);
  if (!most) return std::nullopt;
  reach.most_us = *most;
  return reach;
}

bool is_told_by_bytes(TypeKind kind) {
  return is_word(kind) || kind == TypeKind::kString || kind == TypeKind::kEnum;
}

void find_comparisons(const RuleProgram& rule, PlacesProgram& places) {
  if (!PairOfEvents(rule).is_pair()) {
    places.chain = ChainOfValues(rule).find();
    places.value = CommonValue(rule, [&](const Conjunct& conjunct) {
                     return places.chain && places.chain->has(conjunct.expr);
                   }).find();
    return;
  }
  const std::vector<Conjunct>& conditions = rule.steps[1].take.by_run;
  const Conjunct* equality = nullptr;
  for (const Conjunct& conjunct : conditions) {
    const auto is_another = [&](const Conjunct& other) {
      return &other != &conjunct &&
             std::ranges::any_of(conditions, [&](const Conjunct& of) { return &of == &other; });
    };
    places.value = CommonValue(rule, is_another).find();
    if (!places.value) continue;
    equality = &conjunct;
    break;
  }
  places.pair = PairOfEvents(rule).find(equality);
}
}  // namespace tocsin::cep

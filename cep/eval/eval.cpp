#include "cep/eval/eval.h"

#include <algorithm>
#include <vector>

#include "cep/aggregate/loop_aggregate.h"
#include "cep/base/assert.h"
#include "cep/compile/pattern_program.h"
#include "cep/compile/step_value.h"
#include "cep/eval/loop_totals.h"
#include "cep/eval/steps.h"
#include "cep/plan/rule.h"
#include "cep/record/pattern_state.h"

namespace tocsin::cep {
namespace {
Value counted(const EvalScope& scope, const Value& result, bool operands_known) {
  if (result.is_missing() && operands_known && scope.values_missing != nullptr) {
    ++*scope.values_missing;
  }
  return result;
}

// Whether the current event counts as taken for a step, or for a variable's slot.
bool counts_as(const EvalScope& scope, std::uint32_t step) {
  if (scope.pattern != nullptr) return scope.pattern->belongs(scope.taken_step, step);
  return scope.taken_step == static_cast<int>(step);
}
// The variable's events up to the last one taken.
SlotEvents slot_of(const EvalScope& scope, std::uint32_t slot) {
  return RecordStore::at<PatternNode>(scope.record, scope.head)->slots()[slot];
}

bool takes_step(const EvalScope& scope) { return scope.steps == nullptr || scope.steps->take(); }
bool is_void(const EvalScope& scope) { return scope.steps != nullptr && scope.steps->is_over(); }

// Calls `visit(event)` for each event of a step, in the order taken. Where the steps run out not
// all of them are visited.
template <typename Visit>
void for_each_bound(const EvalScope& scope, const EventView& current, std::uint32_t step,
                    Visit&& visit) {
  if (scope.window != nullptr) {
    EventView event;
    if (bound_event(scope, current, step, true, event)) visit(event);
    return;
  }
  if (scope.loop != nullptr && scope.loop->has(step)) {
    bool goes_on = true;
    scope.loop->for_each(step, [&](const KeptEvent& event) {
      return goes_on = takes_step(scope) && visit(EventView{nullptr, &event});
    });
    if (goes_on && counts_as(scope, step)) visit(current);
    return;
  }
  constexpr std::size_t kInline = 64;
  Offset few[kInline];
  std::vector<Offset> many;
  std::size_t count = 0;
  const auto add = [&](Offset event) {
    if (count < kInline) {
      few[count] = event;
    } else {
      many.push_back(event);
    }
    ++count;
  };
  if (scope.pattern != nullptr) {
    if (scope.head != 0) {
      const SlotEvents slot = slot_of(scope, step);
      for (Offset at = slot.last; at != 0;) {
        if (!takes_step(scope)) return;
        const Node* node = RecordStore::at<Node>(scope.record, at);
        if (scope.pattern->belongs(node->step, step)) add(node->event);
        at = at == slot.first ? 0 : node->parent;
      }
    }
  } else {
    for (Offset at = scope.head; at != 0;) {
      if (!takes_step(scope)) return;
      const Node* node = RecordStore::at<Node>(scope.record, at);
      if (node->step < step) break;
      if (node->step == step) add(node->event);
      at = node->parent;
    }
  }
  for (std::size_t i = count; i-- > 0;) {
    const Offset event = i < kInline ? few[i] : many[i - kInline];
    if (!visit(EventView{nullptr, RecordStore::at<KeptEvent>(scope.record, event)})) return;
  }
  if (counts_as(scope, step)) visit(current);
}

// The current event: inside an aggregate the current one is an element.
const EventView& offered_event(const EvalScope& scope, const EventView& current) {
  return scope.offered != nullptr ? *scope.offered : current;
}

// Inside, the current event is an element; what the match has bound stays as it is outside.
Value aggregate(const Expr& expr, const EventView& current, const EvalScope& scope) {
  if (scope.pattern != nullptr) {
    if (const std::optional<Value> kept = value_of_total(expr, current, scope)) return *kept;
  }
  const Expr* argument = expr.args.empty() ? nullptr : expr.args[0].get();
  const Expr* condition = expr.args.size() > 1 ? expr.args[1].get() : nullptr;
  EvalScope inner = scope;
  inner.offered = &current;
  const auto& over = expr.as_validated<VariableAggregate>();
  const std::uint32_t step = scope.rule->step_of_var[over.var.value];
  if (scope.loop != nullptr && scope.loop->has(step)) {
    if (const std::optional<Value> total = scope.loop->total(step, expr)) return *total;
  }
  LoopAggregate all(over.aggregate, argument != nullptr ? &argument->type : nullptr);
  for_each_bound(scope, current, step, [&](const EventView& element) {
    if (condition == nullptr || evaluate(*condition, element, inner).is_true()) {
      all.add(argument == nullptr ? Value::missing() : evaluate(*argument, element, inner));
    }
    return true;
  });
  return is_void(scope) ? Value::missing() : all.value();
}

// SQL's IN: true on a hit; otherwise unknown when a comparison was.
Value in_loop(const Expr& expr, const EventView& current, const EvalScope& scope) {
  const Value wanted = evaluate(*expr.args[0], current, scope);
  bool found = false;
  bool unknown = false;
  const VarIndex var = expr.as_validated<VariableTest>().var;
  for_each_bound(scope, offered_event(scope, current), scope.rule->step_of_var[var.value],
                 [&](const EventView& element) {
                   const Ordering order = compare(wanted, evaluate(*expr.args[1], element, scope));
                   found = order == Ordering::kEqual;
                   unknown = unknown || order == Ordering::kUnknown;
                   return !found;
                 });
  if (is_void(scope)) return Value::missing();
  if (found) return Value::boolean(true);
  return unknown ? Value::missing() : Value::boolean(false);
}

}  // namespace

Value compared(Op op, Ordering order) {
  if (order == Ordering::kUnknown) return Value::missing();
  switch (op) {
    case Op::kEqual:
      return Value::boolean(order == Ordering::kEqual);
    case Op::kNotEqual:
      return Value::boolean(order != Ordering::kEqual);
    case Op::kLess:
      return Value::boolean(order == Ordering::kLess);
    case Op::kLessEqual:
      return Value::boolean(order != Ordering::kGreater);
    case Op::kGreater:
      return Value::boolean(order == Ordering::kGreater);
    default:
      return Value::boolean(order != Ordering::kLess);
  }
}

std::uint64_t lateness_us(const EventView& event) {
  const EventTime engine_time = event.engine_time();
  const EventTime ts = event.row != nullptr ? event.row->ts : event.kept->ts();
  return engine_time > ts ? static_cast<std::uint64_t>((engine_time - ts).us) : 0;
}

Value field_value(const EvalScope& scope, const EventView& event, const FieldRef& field) {
  const EventTypeIndex type = event.type();
  const std::optional<FieldIndex> index = field.in(type);
  if (!index) return Value::missing();
  const Plan& plan = *scope.program.plan;
  if (event.row != nullptr) return scope.batch->value(plan, *event.row, *index);
  return event.kept->value(plan, scope.table->layouts[type.value], *index);
}

bool bound_event(const EvalScope& scope, const EventView& current, std::uint32_t step, bool last,
                 EventView& out) {
  const bool is_own = counts_as(scope, step);
  if (last && is_own) {
    out = current;
    return true;
  }
  if (scope.pattern != nullptr) {
    const SlotEvents slot = scope.head != 0 ? slot_of(scope, step) : SlotEvents{};
    const Offset found = last ? slot.last : slot.first;
    out = current;
    if (found == 0) return is_own;
    const Node* node = RecordStore::at<Node>(scope.record, found);
    out = EventView{nullptr, RecordStore::at<KeptEvent>(scope.record, node->event)};
    return true;
  }
  if (scope.window != nullptr) {
    if (static_cast<int>(step) > scope.taken_step) return false;
    out = is_own ? current
                 : EventView{nullptr, RecordStore::at<KeptEvent>(scope.record, scope.window[step])};
    return true;
  }
  Offset found = 0;
  std::uint64_t passed = 0;
  for (Offset at = scope.head; at != 0; ++passed) {
    const Node* node = RecordStore::at<Node>(scope.record, at);
    if (node->step < step) break;
    if (node->step == step) {
      found = node->event;
      if (last) break;
    }
    at = node->parent;
  }
  // Nothing is evaluated of those.
  if (scope.steps != nullptr) scope.steps->take(passed / 8);
  if (found != 0) {
    out = EventView{nullptr, RecordStore::at<KeptEvent>(scope.record, found)};
    return true;
  }
  out = current;
  return is_own;
}

namespace {
// A feature as of an event that the run has bound, or of the current event.
Value feature_of_step(const Expr& read, const EventView& event, const EvalScope& scope) {
  const FeatureIndex value = scope.program.value_of(read);
  if (event.row != nullptr) return scope.features->read(value);
  const CaptureLayout& layout = scope.table->layouts[event.kept->type];
  const std::optional<FieldIndex> place = layout.step_value(value);
  std::string_view text;
  if (!place || !event.kept->text(layout, *place, text)) return Value::missing();
  return step_value_of(read.type, text);
}

// The field of a variable's event, or its feature as of then.
Value bound_value(const Expr& expr, const EventView& current, const EvalScope& scope) {
  EventView event;
  const auto& bound = expr.as_validated<BoundField>();
  const std::uint32_t step = scope.rule->step_of_var[bound.var.value];
  if (!bound_event(scope, offered_event(scope, current), step, bound.which != Which::kFirst,
                   event)) {
    return Value::missing();
  }
  if (!expr.args.empty()) return feature_of_step(*expr.args[0], event, scope);
  return field_value(scope, event, bound.field);
}

// The field of the event that the step took before.
Value previous_value(const Expr& expr, const EvalScope& scope) {
  if (scope.head == 0) return Value::missing();
  Offset before = scope.head;
  if (scope.pattern != nullptr) {
    before = slot_of(scope, scope.pattern->own_slot(scope.taken_step)).last;
    if (before == 0) return Value::missing();
  }
  const Node* node = RecordStore::at<Node>(scope.record, before);
  if (scope.pattern == nullptr && static_cast<int>(node->step) != scope.taken_step) {
    return Value::missing();
  }
  const EventView event{nullptr, RecordStore::at<KeptEvent>(scope.record, node->event)};
  return field_value(scope, event, expr.as_validated<FieldRead>().field);
}

Value is_bound(const Expr& expr, const EventView& current, const EvalScope& scope) {
  EventView event;
  const VarIndex var = expr.as_validated<VariableTest>().var;
  return Value::boolean(bound_event(scope, offered_event(scope, current),
                                    scope.rule->step_of_var[var.value], true, event));
}

Value in_list(const Expr& expr, const EventView& current, const EvalScope& scope) {
  const Value value = evaluate(*expr.args[0], current, scope);
  if (value.is_missing()) return value;
  const ListIndex list = expr.as_validated<ListLookup>().list;
  const Value found =
      scope.program.data->lists[list.value].is_in(value, current_time(current, scope));
  if (found.is_missing() && scope.values_missing != nullptr) ++*scope.values_missing;
  return found;
}

// SQL's IN, like in_loop().
Value in_values(const Expr& expr, const EventView& current, const EvalScope& scope) {
  const Value wanted = evaluate(*expr.args[0], current, scope);
  bool unknown = false;
  for (std::size_t i = 1; i < expr.args.size(); ++i) {
    const Ordering order = compare(wanted, evaluate(*expr.args[i], current, scope));
    if (order == Ordering::kEqual) return Value::boolean(true);
    unknown = unknown || order == Ordering::kUnknown;
  }
  return unknown ? Value::missing() : Value::boolean(false);
}

Value first_known(const Expr& expr, const EventView& current, const EvalScope& scope) {
  for (const ExprPtr& arg : expr.args) {
    const Value value = evaluate(*arg, current, scope);
    if (!value.is_missing()) return value;
  }
  return Value::missing();
}

Value all_of(const Expr& expr, const EventView& current, const EvalScope& scope) {
  Value result = Value::boolean(true);
  for (const ExprPtr& arg : expr.args) {
    result = logical_and(result, evaluate(*arg, current, scope));
    if (!result.is_missing() && !result.is_true()) break;
  }
  return result;
}

Value any_of(const Expr& expr, const EventView& current, const EvalScope& scope) {
  Value result = Value::boolean(false);
  for (const ExprPtr& arg : expr.args) {
    result = logical_or(result, evaluate(*arg, current, scope));
    if (result.is_true()) break;
  }
  return result;
}

// Counts a result that is missing though no operand was.
Value arithmetic(const Expr& expr, const EventView& current, const EvalScope& scope) {
  const Value a = evaluate(*expr.args[0], current, scope);
  if (expr.op == Op::kNegate) return counted(scope, negate(a), !a.is_missing());
  const Value b = evaluate(*expr.args[1], current, scope);
  const bool are_known = !a.is_missing() && !b.is_missing();
  switch (expr.op) {
    case Op::kAdd:
      return counted(scope, add(a, b), are_known);
    case Op::kSubtract:
      return counted(scope, subtract(a, b), are_known);
    case Op::kMultiply:
      return counted(scope, multiply(a, b), are_known);
    case Op::kDivide:
      return counted(scope, divide(a, b), are_known);
    default:
      return counted(scope, modulo(a, b), are_known);
  }
}
}  // namespace

Value evaluate(const Expr& expr, const EventView& current, const EvalScope& scope) {
  const auto arg = [&](std::size_t i) { return evaluate(*expr.args[i], current, scope); };
  switch (expr.op) {
    case Op::kLiteral:
      return expr.as_validated<LiteralValue>().value.view();
    case Op::kField:
      return field_value(scope, current, expr.as_validated<FieldRead>().field);
    case Op::kEqual:
    case Op::kNotEqual:
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
      return compared(expr.op, compare(arg(0), arg(1)));
    case Op::kBound:
      return bound_value(expr, current, scope);
    case Op::kPrev:
      return previous_value(expr, scope);
    case Op::kAggregate:
      return aggregate(expr, current, scope);
    case Op::kFeature:
      return scope.features->read(scope.program.value_of(expr));
    case Op::kKey:
      return key_part_value(scope.rule->rule->key, scope.key, expr.as_validated<KeyRead>().part);
    case Op::kIsBound:
      return is_bound(expr, current, scope);
    case Op::kInLoop:
      return in_loop(expr, current, scope);
    case Op::kIn:
      return in_list(expr, current, scope);
    case Op::kInValues:
      return in_values(expr, current, scope);
    case Op::kBetween: {
      const Value value = arg(0);
      return logical_and(compared(Op::kGreaterEqual, compare(value, arg(1))),
                         compared(Op::kLessEqual, compare(value, arg(2))));
    }
    case Op::kIsMissing:
      return Value::boolean(arg(0).is_missing());
    case Op::kIsKnown:
      return Value::boolean(!arg(0).is_missing());
    case Op::kIf:
      return arg(0).is_true() ? arg(1) : arg(2);
    case Op::kCoalesce:
      return first_known(expr, current, scope);
    case Op::kNot:
      return logical_not(arg(0));
    case Op::kAnd:
      return all_of(expr, current, scope);
    case Op::kOr:
      return any_of(expr, current, scope);
    case Op::kNegate:
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply:
    case Op::kDivide:
    case Op::kModulo:
      return arithmetic(expr, current, scope);
    case Op::kToFloat:
      return to_float(arg(0));
    default:
      return evaluate_data(expr, current, scope);
  }
}
}  // namespace tocsin::cep

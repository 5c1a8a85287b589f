// Aggregates over a variable's events from totals (cep/eval/loop_totals.h).
#include "cep/eval/eval.h"
#include "cep/eval/loop_totals.h"

#include "cep/plan/expr_walk.h"

namespace tocsin::cep {
namespace {
// The kind and scale that all values of the type have.
Value value_of(const Type& type, Int128 number) {
  switch (type.kind) {
    case TypeKind::kDecimal:
      return Value::decimal(number, type.scale);
    case TypeKind::kTime:
      return Value::time({static_cast<std::int64_t>(number)});
    case TypeKind::kDate:
      return Value::date(static_cast<std::int64_t>(number));
    case TypeKind::kDuration:
      return Value::duration({static_cast<std::int64_t>(number)});
    default:
      return Value::integer(number);
  }
}
}  // namespace

void add_to_total(const Expr& aggregate, const EventView& event, const EvalScope& scope,
                  LoopTotal& total) {
  if (total.lost != 0) return;
  const Expr* const condition = aggregate.args.size() > 1 ? aggregate.args[1].get() : nullptr;
  if (condition != nullptr && !evaluate(*condition, event, scope).is_true()) return;
  const Aggregate kind = aggregate.as_validated<VariableAggregate>().aggregate;
  if (kind == Aggregate::kCount) {
    ++total.count;
    return;
  }
  const Expr& argument = *aggregate.args[0];
  const Value value = evaluate(argument, event, scope);
  if (value.is_missing()) return;
  const Value shape = value_of(argument.type, 0);
  if (value.kind != shape.kind || value.scale != shape.scale) {
    total.lost = 1;
    return;
  }
  const bool is_first = ++total.count == 1;
  switch (kind) {
    case Aggregate::kMin:
      if (is_first || value.number < total.number()) total.put(value.number);
      return;
    case Aggregate::kMax:
      if (is_first || value.number > total.number()) total.put(value.number);
      return;
    default: {
      Int128 sum = 0;
      if (__builtin_add_overflow(total.number(), value.number, &sum)) total.lost = 1;
      total.put(sum);
      return;
    }
  }
}

std::optional<Value> value_of_total(const Expr& aggregate, const EventView& current,
                                    const EvalScope& scope) {
  const std::optional<std::uint32_t> place = scope.pattern->total_of(&aggregate);
  if (!place) return std::nullopt;
  LoopTotal total;
  if (scope.head != 0) {
    total =
        *RecordStore::at<LoopTotal>(scope.record, total_place(*scope.pattern, scope.head, *place));
  }
  const auto& over = aggregate.as_validated<VariableAggregate>();
  const std::uint32_t slot = scope.rule->step_of_var[over.var.value];
  if (scope.pattern->belongs(scope.taken_step, slot))
    add_to_total(aggregate, current, scope, total);
  if (total.lost != 0) return std::nullopt;
  return value_of(aggregate, total);
}

Value value_of(const Expr& aggregate, const LoopTotal& total) {
  switch (aggregate.as_validated<VariableAggregate>().aggregate) {
    case Aggregate::kCount:
      return Value::integer(total.count);
    case Aggregate::kSum:
      return value_of(aggregate.args[0]->type, total.number());
    case Aggregate::kAvg:
      if (total.count == 0) return Value::missing();
      return divide(value_of(aggregate.args[0]->type, total.number()), Value::integer(total.count));
    default:
      if (total.count == 0) return Value::missing();
      return value_of(aggregate.args[0]->type, total.number());
  }
}
}  // namespace tocsin::cep

#include "rules/lint/operand_range.h"

#include <fmt/format.h>

#include <algorithm>

#include "rules/context/report.h"

namespace tocsin::rules {
using cep::Aggregate;
using cep::Expr;
using cep::Function;
using cep::Op;
using cep::OwnedValue;
using cep::Value;

namespace {
// The part of the key that the operand is: a field that holds it in every event type.
std::optional<std::size_t> key_part_of(const ExprScope& scope, const Expr& operand) {
  const bool in_match = scope.place == Place::kStep || scope.place == Place::kAbsence ||
                        scope.place == Place::kMatch || scope.place == Place::kElement;
  if (!in_match || scope.rule == nullptr || scope.rule->key == nullptr) return std::nullopt;
  if (operand.op == Op::kKey) return operand.as<cep::KeyRead>().part;
  const cep::FieldRef* const field = field_of(operand);
  if (field == nullptr) return std::nullopt;
  const std::vector<cep::KeyPart>& parts = scope.rule->key->parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto holds = [&](const auto& place) {
      return std::ranges::any_of(parts[i].members, [&](const cep::KeyMember& member) {
        return member.type == place.first && member.field == place.second && member.role.empty();
      });
    };
    if (!field->by_type.empty() && std::ranges::all_of(field->by_type, holds)) return i;
  }
  return std::nullopt;
}

OperandRange between(std::int64_t low, std::int64_t high, std::string why) {
  return {OwnedValue(Value::integer(low)), OwnedValue(Value::integer(high)), false, std::move(why)};
}

OperandRange of_function(Function function) {
  switch (function) {
    case Function::kHour:
      return between(0, 23, "`hour` gives 0 to 23");
    case Function::kWeekday:
      return between(1, 7, "`weekday` gives 1, Monday, to 7, Sunday");
    case Function::kSimilarity:
      return between(0, 1, "`similarity` gives 0 to 1");
    case Function::kDistanceKm:
      return between(0, 20'016, "no two places are further apart than 20,016 km");
    case Function::kLength:
      return {OwnedValue(Value::integer(0)), std::nullopt, false, "a length is 0 or more"};
    case Function::kSqrt:
      return {OwnedValue(Value::integer(0)), std::nullopt, false, "a root is 0 or more"};
    default:
      return {};
  }
}

// How many events of a step a condition can see.
OperandRange of_count(const ExprScope& scope, const Expr& operand) {
  const auto& over = operand.as<cep::VariableAggregate>();
  if (scope.rule == nullptr || over.var.value >= scope.rule->steps.size()) return {};
  const StepSymbol& step = scope.rule->steps[over.var.value];
  const bool counts_all =
      over.aggregate == Aggregate::kCount &&
      std::ranges::none_of(operand.args, [](const auto& arg) { return arg != nullptr; });
  const bool own = scope.own_step && *scope.own_step == over.var.value;
  std::int64_t low = 0;
  if (counts_all && own) low = 1;
  // An absence is asked while the loop goes on.
  if (counts_all && !own && scope.place != Place::kAbsence) low = step.count_min;
  const std::string name = step.name.empty() ? std::string(step.kind) : std::string(step.name);
  const char* what = over.aggregate == Aggregate::kCount ? "events" : "values";
  OperandRange range;
  range.low = OwnedValue(Value::integer(low));
  if (step.count_max && step.loop) {
    range.high = OwnedValue(Value::integer(*step.count_max));
    range.why = fmt::format("{} has {} to {} {}", in_code(name), low, *step.count_max, what);
    if (low == *step.count_max) range.why = fmt::format("{} has {} {}", in_code(name), low, what);
  } else {
    range.why = fmt::format("{} has {} {} or more", in_code(name), low, what);
  }
  return range;
}

OperandRange of_feature(const cep::Feature& feature, bool takes_this_event) {
  if (traits_of(feature.aggregate).gives != cep::AggregateResult::kNumberOf) return {};
  const std::int64_t least = takes_this_event && feature.aggregate == Aggregate::kCount ? 1 : 0;
  if (!feature.window.events() && least == 1) {
    return {OwnedValue(Value::integer(1)), std::nullopt, false,
            "this event is counted too: `over previous …` leaves it out"};
  }
  if (!feature.window.events())
    return {OwnedValue(Value::integer(0)), std::nullopt, false, "a number of events is 0 or more"};
  return between(least, *feature.window.events(),
                 fmt::format("the window holds {} events at most", *feature.window.events()));
}

// Whether the feature, read at an event that the condition is asked of, has always taken it.
bool takes_this_event(const ExprScope& scope, const cep::Feature& feature, const Expr& read) {
  const bool in_match = scope.place == Place::kStep || scope.place == Place::kMatch;
  const cep::WindowKind kind = feature.window.kind();
  const bool holds_it = kind != cep::WindowKind::kPrevious &&
                        kind != cep::WindowKind::kPreviousEvents &&
                        kind != cep::WindowKind::kPreviousEver && !feature.window.excluding();
  if (!in_match || scope.types_broken || scope.types.empty() || !holds_it || feature.where ||
      feature.window.where() || !read.args.empty())
    return false;
  return std::ranges::all_of(scope.types, [&](cep::EventTypeIndex type) {
    return std::ranges::any_of(feature.events, [&](const cep::Subset& subset) {
      return subset.type == type && !subset.condition && subset.role.empty();
    });
  });
}

// The feature behind `read`, if it has always taken this event and aggregates the field `of` (any,
// where null).
const cep::Feature* feature_with_this_event(const CheckContext& context, const ExprScope& scope,
                                            const Expr& read, cep::Aggregate aggregate) {
  if (read.op != Op::kFeature) return nullptr;
  const cep::Feature& feature = context.features[feature_of(read)];
  const bool fits = feature.aggregate == aggregate && feature.argument &&
                    feature.argument->op == Op::kField && takes_this_event(scope, feature, read);
  return fits ? &feature : nullptr;
}

// A count of some of the events that another counts, over that one: a share.
bool is_share(const CheckContext& context, const Expr& operand) {
  if (operand.op != Op::kDivide) return false;
  const Expr& part = without_widening(*operand.args[0]);
  const Expr& whole = without_widening(*operand.args[1]);
  if (part.op != Op::kFeature || whole.op != Op::kFeature) return false;
  const cep::Feature& a = context.features[feature_of(part)];
  const cep::Feature& b = context.features[feature_of(whole)];
  if (a.aggregate != Aggregate::kCount || b.aggregate != Aggregate::kCount || b.where) return false;
  if (a.window.where() || b.window.where()) return false;
  const bool same_window =
      a.window.kind() == b.window.kind() && a.window.unit() == b.window.unit() &&
      a.window.duration() == b.window.duration() && a.window.events() == b.window.events() &&
      a.window.excluding() == b.window.excluding();
  return same_window && std::ranges::all_of(a.events, [&](const cep::Subset& subset) {
           return std::ranges::any_of(b.events, [&](const cep::Subset& other) {
             return other.type == subset.type && !other.condition;
           });
         });
}

// The time from an earlier event of the match to this one.
bool is_time_since(const CheckContext& context, const ExprScope& scope, const Expr& operand) {
  if (operand.op != Op::kSubtract || operand.args.size() != 2) return false;
  const auto is_event_time = [&](const Expr& expr) {
    const auto& places = field_of(expr)->by_type;
    return !places.empty() && std::ranges::all_of(places, [&](const auto& place) {
      return context.event_type(place.first).time_field == place.second;
    });
  };
  const bool in_match = scope.place == Place::kStep || scope.place == Place::kMatch;
  const Expr& later = *operand.args[0];
  const Expr& earlier = *operand.args[1];
  return in_match && later.op == Op::kField && earlier.op == Op::kBound && is_event_time(later) &&
         is_event_time(earlier);
}
// Certainly 0 or more.
bool is_positive(const CheckContext& context, const Expr& operand) {
  const Expr& expr = without_widening(operand);
  if (expr.op == Op::kLiteral) {
    const cep::Value value = literal_of(expr);
    return value.kind != cep::ValueKind::kString &&
           cep::compare(value, value.kind == cep::ValueKind::kDuration
                                   ? cep::Value::duration(cep::Duration{0})
                                   : cep::Value::integer(0)) != cep::Ordering::kLess;
  }
  if (expr.op == Op::kMultiply || expr.op == Op::kAdd)
    return is_positive(context, *expr.args[0]) && is_positive(context, *expr.args[1]);
  if (expr.op == Op::kCall) return function_of(expr) == cep::Function::kAbs;
  if (expr.op != Op::kFeature) return false;
  return traits_of(context.features[feature_of(expr)].aggregate).never_negative;
}

}  // namespace

const Expr& without_widening(const Expr& expr) {
  return expr.op == Op::kToFloat ? *expr.args[0] : expr;
}

std::string operand_text(const CheckContext& context, const ExprScope& scope, const Expr& operand) {
  const Expr& expr = without_widening(operand);
  if (const auto part = key_part_of(scope, expr)) return fmt::format("key {}", *part);
  // The last value of what has this event is this event's.
  if (const auto* last = feature_with_this_event(context, scope, expr, Aggregate::kLast)) {
    return cep::describe(context.plan, *last->argument);
  }
  return cep::describe(context.plan, expr);
}

bool is_extreme_with_this_event(const CheckContext& context, const ExprScope& scope,
                                const cep::Expr& value, const cep::Expr& extreme, bool largest) {
  const auto* feature = feature_with_this_event(context, scope, without_widening(extreme),
                                                largest ? Aggregate::kMax : Aggregate::kMin);
  return feature != nullptr &&
         cep::describe(context.plan, *feature->argument) == operand_text(context, scope, value);
}

bool is_key_part(const ExprScope& scope, const Expr& operand) {
  return key_part_of(scope, without_widening(operand)).has_value();
}

OperandRange range_of(const CheckContext& context, const ExprScope& scope, const Expr& operand) {
  const Expr& expr = without_widening(operand);
  const auto same = [&](std::size_t a, std::size_t b) {
    return operand_text(context, scope, *expr.args[a]) ==
           operand_text(context, scope, *expr.args[b]);
  };
  if (function_of(expr) == Function::kDistanceKm && same(0, 2) && same(1, 3))
    return between(0, 0, "both places are the same");
  if (expr.op == Op::kCall) return of_function(*function_of(expr));
  if (expr.op == Op::kSubtract && same(0, 1)) {
    const OwnedValue nothing(expr.type.kind == cep::TypeKind::kDuration
                                 ? Value::duration(cep::Duration{0})
                                 : Value::integer(0));
    return {nothing, nothing, false, "both sides of the minus are one value"};
  }
  if (is_share(context, expr)) return between(0, 1, "a part of the whole is 0 to 1");
  if (expr.op == Op::kFeature) {
    const cep::Feature& feature = context.features[feature_of(expr)];
    return of_feature(feature, takes_this_event(scope, feature, expr));
  }
  const auto* const over = std::get_if<cep::VariableAggregate>(&expr.payload);
  const bool counts =
      over != nullptr && traits_of(over->aggregate).gives == cep::AggregateResult::kNumberOf;
  if (counts) return of_count(scope, expr);
  if (is_time_since(context, scope, expr) && scope.rule != nullptr && scope.rule->within) {
    return {std::nullopt, OwnedValue(Value::duration(*scope.rule->within)), true,
            fmt::format("a match takes less than {}", cep::format_duration(*scope.rule->within))};
  }
  return {};
}
bool is_operand(const Expr& expr) {
  switch (expr.op) {
    case Op::kField:
    case Op::kBound:
    case Op::kPrev:
    case Op::kAggregate:
    case Op::kFeature:
    case Op::kKey:
    case Op::kSubtract:
    case Op::kDivide:
    case Op::kCall:
    case Op::kTable:
      return true;
    default:
      return false;
  }
}

std::optional<std::pair<Value, std::string>> multiple_of(const CheckContext& context,
                                                         const ExprScope& scope,
                                                         const Expr& operand) {
  const Expr& expr = without_widening(operand);
  if (is_operand(expr)) {
    return std::pair(cep::Value::integer(1), operand_text(context, scope, expr));
  }
  if (expr.op != Op::kMultiply) return std::nullopt;
  for (const auto& [factor, value] : {std::pair(0, 1), std::pair(1, 0)}) {
    const Expr& number = *expr.args[static_cast<std::size_t>(factor)];
    const Expr& other = without_widening(*expr.args[static_cast<std::size_t>(value)]);
    if (number.op == Op::kLiteral && is_operand(other)) {
      return std::pair(literal_of(number), operand_text(context, scope, other));
    }
  }
  return std::nullopt;
}

bool is_value_and_more(const CheckContext& context, const ExprScope& scope, const Expr& value,
                       const Expr& sum) {
  const Expr& expr = without_widening(sum);
  if (expr.op != Op::kAdd || !is_operand(without_widening(value))) return false;
  const std::string text = operand_text(context, scope, value);
  for (const auto& [own, more] : {std::pair(0U, 1U), std::pair(1U, 0U)}) {
    const Expr& part = without_widening(*expr.args[own]);
    if (is_operand(part) && operand_text(context, scope, part) == text &&
        is_positive(context, *expr.args[more]))
      return true;
  }
  return false;
}

}  // namespace tocsin::rules

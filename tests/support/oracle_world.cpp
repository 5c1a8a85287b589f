#include "tests/support/oracle_world.h"

#include <algorithm>

#include "cep/base/assert.h"
#include "cep/key.h"

namespace tocsin::oracle {
using cep::Aggregate;
using cep::Expr;
using cep::Op;
using cep::Ordering;
using cep::Value;

namespace {
// An aggregate over values in the order of their events; missing ones are left out.
Value aggregate(Aggregate kind, const cep::Type& type, std::size_t count,
                std::vector<Value> values) {
  if (kind == Aggregate::kCount) return Value::integer(static_cast<cep::Int128>(count));
  std::erase_if(values, [](const Value& value) { return value.is_missing(); });
  if (kind == Aggregate::kDistinct) {
    std::vector<Value> seen;
    for (const Value& value : values) {
      if (std::none_of(seen.begin(), seen.end(),
                       [&](const Value& other) { return same_value(value, other); })) {
        seen.push_back(value);
      }
    }
    return Value::integer(static_cast<cep::Int128>(seen.size()));
  }
  if (kind == Aggregate::kSum && values.empty()) {
    return type.kind == cep::TypeKind::kDecimal ? Value::decimal(0, type.scale) : Value::integer(0);
  }
  if (values.empty()) return Value::missing();
  switch (kind) {
    case Aggregate::kSum:
    case Aggregate::kAvg: {
      // Sums are exact in 128 bits, also where each operand has 64: the mantissas are added as they
      // are.
      cep::Int128 sum = 0;
      for (const Value& value : values) {
        TOCSIN_ASSERT(value.kind == cep::ValueKind::kInt || value.kind == cep::ValueKind::kDecimal,
                      "the oracle sums ints and decimals");
        TOCSIN_ASSERT(value.scale == values.front().scale, "one argument has one scale");
        sum += value.number;
      }
      const Value total = values.front().kind == cep::ValueKind::kInt
                              ? Value::integer(sum)
                              : Value::decimal(sum, values.front().scale);
      if (kind == Aggregate::kSum) return total;
      return divide(total, Value::integer(static_cast<cep::Int128>(values.size())));
    }
    case Aggregate::kMin:
    case Aggregate::kMax: {
      Value best = values.front();
      for (const Value& value : values) {
        const Ordering wanted = kind == Aggregate::kMin ? Ordering::kLess : Ordering::kGreater;
        if (compare(value, best) == wanted) best = value;
      }
      return best;
    }
    case Aggregate::kFirst:
      return values.front();
    case Aggregate::kLast:
      return values.back();
    default:
      break;
  }
  TOCSIN_ASSERT(false, "the oracle knows count, sum, avg, min, max, distinct, first and last");
}

// The outcome of a comparison operator.
Value comparison(Op op, const Value& a, const Value& b) {
  const Ordering ordering = compare(a, b);
  if (ordering == Ordering::kUnknown) return Value::missing();
  switch (op) {
    case Op::kEqual:
      return Value::boolean(ordering == Ordering::kEqual);
    case Op::kNotEqual:
      return Value::boolean(ordering != Ordering::kEqual);
    case Op::kLess:
      return Value::boolean(ordering == Ordering::kLess);
    case Op::kLessEqual:
      return Value::boolean(ordering != Ordering::kGreater);
    case Op::kGreater:
      return Value::boolean(ordering == Ordering::kGreater);
    case Op::kGreaterEqual:
      return Value::boolean(ordering != Ordering::kLess);
    default:
      break;
  }
  TOCSIN_ASSERT(false, "a comparison");
}

// The events of a variable in the order taken.
std::vector<Position> events_of(const Context& context, cep::VarIndex var) {
  TOCSIN_ASSERT(context.taken != nullptr, "variables belong to rules");
  std::vector<Position> positions;
  for (const Taken& taken : *context.taken) {
    if (taken.var == var) positions.push_back(taken.position);
  }
  return positions;
}

Value field_at(const Context& context, const cep::FieldRef& field, Position position) {
  const auto index = field.in(context.world.event(position).type);
  return index ? context.world.field(position, *index) : Value::missing();
}

Context at_event(const Context& context, Position position) {
  Context moved = context;
  moved.current = position;
  return moved;
}

Value aggregate_of_variable(const Expr& expr, const Context& context) {
  std::size_t count = 0;
  std::vector<Value> values;
  for (const Position position : events_of(context, expr.var)) {
    const Context element = at_event(context, position);
    if (expr.args.size() > 1 && expr.args[1] && !evaluate(*expr.args[1], element).is_true())
      continue;
    ++count;
    if (!expr.args.empty() && expr.args[0]) values.push_back(evaluate(*expr.args[0], element));
  }
  return aggregate(expr.aggregate, expr.type, count, std::move(values));
}
}  // namespace

Value evaluate(const Expr& expr, const Context& context) {
  const auto arg = [&](std::size_t i) { return evaluate(*expr.args[i], context); };
  switch (expr.op) {
    case Op::kLiteral:
      return expr.literal.view();
    case Op::kField:
      return field_at(context, expr.field, context.current);
    case Op::kBound: {
      const std::vector<Position> positions = events_of(context, expr.var);
      if (positions.empty()) return Value::missing();
      const bool first = expr.which == cep::Which::kFirst;
      return field_at(context, expr.field, first ? positions.front() : positions.back());
    }
    case Op::kPrev: {
      TOCSIN_ASSERT(context.own.has_value(), "`prev` stands in a loop's condition");
      const std::vector<Position> positions = events_of(context, *context.own);
      if (positions.size() < 2) return Value::missing();
      return field_at(context, expr.field, positions[positions.size() - 2]);
    }
    case Op::kAggregate:
      return aggregate_of_variable(expr, context);
    case Op::kFeature:
      return context.world.feature(expr.feature, context.current);
    case Op::kKey: {
      const auto key = context.world.key_of(context.rule->key, context.current);
      return key ? (*key)[expr.key_part] : Value::missing();
    }
    case Op::kIsBound:
      return Value::boolean(!events_of(context, expr.var).empty());
    case Op::kInLoop: {
      Value found = Value::boolean(false);
      for (const Position position : events_of(context, expr.var)) {
        const Value element = evaluate(*expr.args[1], at_event(context, position));
        found = logical_or(found, comparison(Op::kEqual, arg(0), element));
      }
      return found;
    }
    case Op::kIn: {
      Value found = Value::boolean(false);
      for (const cep::OwnedValue& value : context.world.plan().lists[expr.list.value].values) {
        found = logical_or(found, comparison(Op::kEqual, arg(0), value.view()));
      }
      return found;
    }
    case Op::kInValues: {
      Value found = Value::boolean(false);
      for (std::size_t i = 1; i < expr.args.size(); ++i) {
        found = logical_or(found, comparison(Op::kEqual, arg(0), arg(i)));
      }
      return found;
    }
    case Op::kBetween:
      return logical_and(comparison(Op::kGreaterEqual, arg(0), arg(1)),
                         comparison(Op::kLessEqual, arg(0), arg(2)));
    case Op::kIsMissing:
      return Value::boolean(arg(0).is_missing());
    case Op::kIsKnown:
      return Value::boolean(!arg(0).is_missing());
    case Op::kIf:
      return arg(0).is_true() ? arg(1) : arg(2);
    case Op::kCoalesce: {
      for (std::size_t i = 0; i < expr.args.size(); ++i) {
        if (const Value value = arg(i); !value.is_missing()) return value;
      }
      return Value::missing();
    }
    case Op::kNot:
      return logical_not(arg(0));
    case Op::kAnd: {
      Value all = Value::boolean(true);
      for (std::size_t i = 0; i < expr.args.size(); ++i) all = logical_and(all, arg(i));
      return all;
    }
    case Op::kOr: {
      Value any = Value::boolean(false);
      for (std::size_t i = 0; i < expr.args.size(); ++i) any = logical_or(any, arg(i));
      return any;
    }
    case Op::kNegate:
      return negate(arg(0));
    case Op::kAdd:
      return add(arg(0), arg(1));
    case Op::kSubtract:
      return subtract(arg(0), arg(1));
    case Op::kMultiply:
      return multiply(arg(0), arg(1));
    case Op::kDivide:
      return divide(arg(0), arg(1));
    case Op::kModulo:
      return modulo(arg(0), arg(1));
    case Op::kEqual:
    case Op::kNotEqual:
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
      return comparison(expr.op, arg(0), arg(1));
    case Op::kToFloat:
      return to_float(arg(0));
    default:
      break;
  }
  TOCSIN_ASSERT(false, "the oracle does not know this operator");
}

Value World::field(Position position, cep::FieldIndex index) const {
  const PlacedEvent& event = events_[position];
  return index.value < event.fields.size() ? event.fields[index.value].view() : Value::missing();
}

std::optional<std::vector<Value>> World::key_of(const cep::KeySpec& key, Position position) const {
  std::vector<Value> parts;
  for (const cep::KeyPart& part : key.parts) {
    const auto member =
        std::find_if(part.members.begin(), part.members.end(),
                     [&](const cep::KeyMember& m) { return m.type == events_[position].type; });
    if (member == part.members.end()) return std::nullopt;
    TOCSIN_ASSERT(member->role.empty(), "the oracle does not know roles");
    parts.push_back(field(position, member->field));
    if (parts.back().is_missing()) return std::nullopt;
  }
  return parts;
}

const cep::Subset* World::subset_of(const std::vector<cep::Subset>& subsets,
                                    Position position) const {
  for (const cep::Subset& subset : subsets) {
    if (subset.type != events_[position].type) continue;
    if (!subset.condition || oracle::evaluate(*subset.condition, {*this, position}).is_true()) {
      return &subset;
    }
  }
  return nullptr;
}

Value World::feature(cep::FeatureIndex index, Position position) const {
  const auto place = std::make_pair(index.value, position);
  const auto found = features_found_.find(place);
  if (found != features_found_.end()) return found->second;
  const Value value = feature_by_scan(plan_.features[index.value], position);
  features_found_.emplace(place, value);
  return value;
}

Value World::feature_by_scan(const cep::Feature& feature, Position position) const {
  TOCSIN_ASSERT(feature.window.kind == cep::WindowKind::kLast && feature.window.duration,
                "the oracle knows the window `last D`");
  const auto key = key_of(feature.key, position);
  if (!key) return Value::missing();
  const std::string bytes = cep::key_bytes(*key);
  const cep::EventTime now = events_[position].engine_time;
  std::size_t count = 0;
  std::vector<Value> values;
  for (Position p = 0; p <= position; ++p) {
    if (events_[p].engine_time <= now - *feature.window.duration) continue;
    const auto other = key_of(feature.key, p);
    if (!other || cep::key_bytes(*other) != bytes) continue;
    if (subset_of(feature.events, p) == nullptr) continue;
    const Context context{*this, p};
    if (feature.where && !oracle::evaluate(*feature.where, context).is_true()) continue;
    ++count;
    if (feature.argument) values.push_back(oracle::evaluate(*feature.argument, context));
  }
  return aggregate(feature.aggregate, feature.type, count, std::move(values));
}
}  // namespace tocsin::oracle

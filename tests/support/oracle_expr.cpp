#include "tests/support/oracle_expr.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "cep/base/assert.h"
#include "cep/plan/feature.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"
#include "cep/value/key.h"
#include "tests/support/oracle_aggregate.h"
#include "tests/support/oracle_text.h"

namespace tocsin::oracle {
using cep::Expr;
using cep::Op;
using cep::Ordering;
using cep::Value;

namespace {
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

bool fits_64_bits(const Value& value) {
  return value.number <= std::numeric_limits<std::int64_t>::max() &&
         value.number >= std::numeric_limits<std::int64_t>::min();
}

bool share_a_role(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& role) {
    return std::find(b.begin(), b.end(), role) != b.end();
  });
}

// The key of the current event that is meant: where it has several, the one of its role.
std::optional<KeyAt> own_key(const cep::KeySpec& key, const Context& context) {
  const std::vector<KeyAt> keys = context.world.keys_of(key, context.current);
  for (const KeyAt& found : keys) {
    if (share_a_role(found.roles, context.roles)) return found;
  }
  if (keys.empty()) return std::nullopt;
  return keys.front();
}

Value field_at(const Context& context, const cep::FieldRef& field, Position position) {
  const auto index = field.in(context.world.row(position).type);
  return index ? context.world.field(position, *index) : Value::missing();
}

Context at_event(const Context& context, Position position) {
  Context moved = context;
  moved.current = position;
  moved.roles.clear();
  return moved;
}

std::vector<Position> events_of(const Context& context, cep::VarIndex var) {
  TOCSIN_ASSERT(context.taken != nullptr, "variables belong to rules");
  return oracle::events_of(*context.rule, *context.taken, var);
}

Value aggregate_of_variable(const Expr& expr, const Context& context) {
  std::vector<Value> values;
  const auto& over = expr.as<cep::VariableAggregate>();
  for (const Position position : events_of(context, over.var)) {
    const Context element = at_event(context, position);
    if (expr.args.size() > 1 && expr.args[1] && !evaluate(*expr.args[1], element).is_true())
      continue;
    Value value;
    if (!expr.args.empty() && expr.args[0]) {
      value = evaluate(*expr.args[0], element);
      if (value.is_missing()) continue;
      if (value.kind != cep::ValueKind::kFraction && !fits_64_bits(value)) continue;
    }
    values.push_back(value);
  }
  return aggregate(over.aggregate, expr.type, values, {});
}

Value feature_at(const Expr& expr, const Context& context) {
  const cep::FeatureIndex index = feature_of(expr);
  const cep::Feature& feature = context.world.plan().features[index.value];
  if (expr.args.empty()) {
    const std::optional<KeyAt> key = own_key(feature.key, context);
    return key ? context.world.feature(index, context.current, key->bytes) : Value::missing();
  }
  std::vector<Value> parts;
  for (const cep::ExprPtr& arg : expr.args) {
    parts.push_back(as_kept(evaluate(*arg, context)));
    if (parts.back().is_missing()) return Value::missing();
  }
  return context.world.feature(index, context.current, cep::key_bytes(parts));
}

// The row of a table whose key the arguments from `first` on are.
const cep::TableRow* row_of(const Expr& expr, const Context& context, std::size_t first) {
  const cep::Table& table = context.world.plan().tables[expr.as<cep::ColumnRead>().table.value];
  const cep::TableRow* best = nullptr;
  int longest = -1;
  for (const cep::TableRow& row : table.rows) {
    bool equal = true;
    int prefix = 0;
    for (std::size_t i = 0; i < row.key.size(); ++i) {
      const Value part = evaluate(*expr.args[first + i], context);
      if (table.network_key == i) {
        prefix =
            part.is_missing() ? -1 : prefix_with(part.text, row.key[i].view().text).value_or(-1);
        continue;
      }
      equal = equal && compare(part, row.key[i].view()) == Ordering::kEqual;
    }
    if (!equal || prefix <= longest) continue;
    best = &row;
    longest = prefix;
  }
  return best;
}

Value in_networks(const Value& address, const cep::List& list) {
  if (address.is_missing()) return Value::missing();
  if (!prefix_with(address.text, "::/0")) return Value::missing();
  for (const cep::OwnedValue& network : list.values) {
    if (*prefix_with(address.text, network.view().text) >= 0) return Value::boolean(true);
  }
  return Value::boolean(false);
}

Value any_equal(const Value& wanted, const std::vector<Value>& values) {
  Value found = Value::boolean(false);
  for (const Value& value : values) {
    found = logical_or(found, comparison(Op::kEqual, wanted, value));
  }
  return found;
}

Value in_kinds(const Expr& expr, const Context& context) {
  const std::vector<cep::EventTypeIndex>& types = expr.as<cep::KindTest>().types;
  for (std::size_t i = 0; i < expr.args.size(); ++i) {
    if (types[i] != context.world.row(context.current).type) continue;
    if (!expr.args[i] || evaluate(*expr.args[i], context).is_true()) return Value::boolean(true);
  }
  return Value::boolean(false);
}
}  // namespace

std::vector<Position> events_of(const cep::Rule& rule, const std::vector<Taken>& taken,
                                cep::VarIndex var) {
  std::vector<Position> positions;
  for (const Taken& event : taken) {
    std::optional<cep::VarIndex> owner = event.var;
    while (owner && *owner != var) owner = rule.variables[owner->value].parent;
    if (owner) positions.push_back(event.position);
  }
  return positions;
}

Value as_kept(const Value& value) {
  switch (value.kind) {
    case cep::ValueKind::kFraction: {
      const auto mantissa = cep::divide_half_even(value.number, value.denominator, cep::kScaleMax);
      if (!mantissa) return Value::missing();
      const Value kept = Value::decimal(*mantissa, cep::kScaleMax);
      return fits_64_bits(kept) ? kept : Value::missing();
    }
    case cep::ValueKind::kInt:
    case cep::ValueKind::kDecimal:
      return fits_64_bits(value) ? value : Value::missing();
    default:
      return value;
  }
}

namespace {
Value bound_field(const Expr& expr, const Context& context) {
  const auto& bound = expr.as<cep::BoundField>();
  const std::vector<Position> positions = events_of(context, bound.var);
  if (positions.empty()) return Value::missing();
  const bool first = bound.which == cep::Which::kFirst;
  const Position position = first ? positions.front() : positions.back();
  if (!expr.args.empty()) return feature_at(*expr.args[0], at_event(context, position));
  return field_at(context, bound.field, position);
}

Value previous_field(const Expr& expr, const Context& context) {
  TOCSIN_ASSERT(context.own.has_value(), "`prev` stands in a loop's condition");
  const std::vector<Position> positions = events_of(context, *context.own);
  const std::size_t after = context.is_taken ? 1 : 0;
  if (positions.size() <= after) return Value::missing();
  return field_at(context, *field_of(expr), positions[positions.size() - 1 - after]);
}

Value key_part(const Expr& expr, const Context& context) {
  const std::optional<KeyAt> key = own_key(context.rule->key, context);
  return key ? key->parts[expr.as<cep::KeyRead>().part] : Value::missing();
}

Value in_loop(const Expr& expr, const Context& context) {
  std::vector<Value> values;
  for (const Position position : events_of(context, *variable_of(expr))) {
    values.push_back(evaluate(*expr.args[1], at_event(context, position)));
  }
  return any_equal(evaluate(*expr.args[0], context), values);
}

Value in_list(const Expr& expr, const Context& context) {
  const cep::List& list = context.world.plan().lists[expr.as<cep::ListLookup>().list.value];
  const Value wanted = evaluate(*expr.args[0], context);
  if (list.kind == cep::ListKind::kNetwork) return in_networks(wanted, list);
  std::vector<Value> values;
  for (const cep::OwnedValue& value : list.values) values.push_back(value.view());
  return any_equal(wanted, values);
}

Value cell(const Expr& expr, const Context& context) {
  const cep::TableRow* row = row_of(expr, context, 0);
  const std::uint32_t column = expr.as<cep::ColumnRead>().column;
  return row == nullptr ? Value::missing() : row->values[column].view();
}

Value in_cell(const Expr& expr, const Context& context) {
  const cep::TableRow* row = row_of(expr, context, 1);
  const Value wanted = evaluate(*expr.args[0], context);
  // A missing value is unknown to any list, an empty one too.
  if (row == nullptr || wanted.is_missing()) return Value::missing();
  std::vector<Value> values;
  for (const std::string& text : row->lists[expr.as<cep::ColumnRead>().column]) {
    values.push_back(Value::string(text));
  }
  return any_equal(wanted, values);
}

// What depends on the values of the operands alone.
Value operation(const Expr& expr, const Context& context, const std::vector<Value>& args) {
  switch (expr.op) {
    case Op::kInValues:
      return any_equal(args[0], {args.begin() + 1, args.end()});
    case Op::kBetween:
      return logical_and(comparison(Op::kGreaterEqual, args[0], args[1]),
                         comparison(Op::kLessEqual, args[0], args[2]));
    case Op::kIsMissing:
      return Value::boolean(args[0].is_missing());
    case Op::kIsKnown:
      return Value::boolean(!args[0].is_missing());
    case Op::kIf:
      return args[0].is_true() ? args[1] : args[2];
    case Op::kCoalesce:
      for (const Value& value : args) {
        if (!value.is_missing()) return value;
      }
      return Value::missing();
    case Op::kNot:
      return logical_not(args[0]);
    case Op::kAnd:
      return std::accumulate(args.begin(), args.end(), Value::boolean(true), cep::logical_and);
    case Op::kOr:
      return std::accumulate(args.begin(), args.end(), Value::boolean(false), cep::logical_or);
    case Op::kNegate:
      return negate(args[0]);
    case Op::kAdd:
      return add(args[0], args[1]);
    case Op::kSubtract:
      return subtract(args[0], args[1]);
    case Op::kMultiply:
      return multiply(args[0], args[1]);
    case Op::kDivide:
      return divide(args[0], args[1]);
    case Op::kModulo:
      return modulo(args[0], args[1]);
    case Op::kToFloat:
      return to_float(args[0]);
    case Op::kEqual:
    case Op::kNotEqual:
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
      return comparison(expr.op, args[0], args[1]);
    case Op::kCall:
      return call(context.world, expr, args);
    case Op::kMatches:
    case Op::kMatchesAnyOf:
    case Op::kContains:
    case Op::kContainsWord:
    case Op::kContainsAnyOf:
    case Op::kContainsAnyWordOf:
    case Op::kStartsWith:
    case Op::kEndsWith:
    case Op::kMatched:
      return search_text(context.world, expr, args);
    default:
      break;
  }
  TOCSIN_ASSERT(false, "all operators stand here or in evaluate()");
}
}  // namespace

Value evaluate(const Expr& expr, const Context& context) {
  switch (expr.op) {
    case Op::kLiteral:
      return literal_of(expr);
    case Op::kField:
      return field_at(context, *field_of(expr), context.current);
    case Op::kBound:
      return bound_field(expr, context);
    case Op::kPrev:
      return previous_field(expr, context);
    case Op::kAggregate:
      return aggregate_of_variable(expr, context);
    case Op::kFeature:
      return feature_at(expr, context);
    case Op::kKey:
      return key_part(expr, context);
    case Op::kIsBound:
      return Value::boolean(!events_of(context, *variable_of(expr)).empty());
    case Op::kInLoop:
      return in_loop(expr, context);
    case Op::kIn:
      return in_list(expr, context);
    case Op::kTable:
      return cell(expr, context);
    case Op::kInTable:
      return in_cell(expr, context);
    case Op::kInKinds:
      return in_kinds(expr, context);
    default:
      break;
  }
  std::vector<Value> args;
  for (const cep::ExprPtr& arg : expr.args) args.push_back(evaluate(*arg, context));
  return operation(expr, context, args);
}
}  // namespace tocsin::oracle

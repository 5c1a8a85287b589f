// validate(): expressions.

#include <algorithm>
#include <set>

#include "cep/plan/feature.h"
#include "cep/plan/function_name.h"
#include "cep/plan/plan.h"
#include "cep/plan/plan_validator.h"
#include "cep/plan/reference.h"

namespace tocsin::cep {
namespace {
constexpr std::size_t kMany = ~std::size_t{0};
using Arity = std::pair<std::size_t, std::size_t>;  // least and most operands

Arity arity_of_call(Function function) {
  switch (function) {
    case Function::kRound:
      return {1, 2};
    case Function::kPow:
    case Function::kHour:
    case Function::kWeekday:
    case Function::kDate:
    case Function::kIpIn:
    case Function::kSimilarity:
      return {2, 2};
    case Function::kMin:
    case Function::kMax:
      return {1, kMany};
    case Function::kSubstring:
      return {2, 3};
    case Function::kDistanceKm:
      return {4, 4};
    case Function::kConcat:
      return {2, kMany};
    case Function::kSplit:
      return {3, 3};
    case Function::kCapture:
      return {2, 2};
    default:
      return {1, 1};
  }
}

Arity arity_of(const Expr& expr) {
  switch (expr.op) {
    case Op::kBound:
      return {0, 1};
    case Op::kLiteral:
    case Op::kField:
    case Op::kPrev:
    case Op::kKey:
    case Op::kIsBound:
      return {0, 0};
    case Op::kFeature:
    case Op::kInKinds:
      return {0, kMany};
    case Op::kAggregate:
      return {traits_of(expr.as<VariableAggregate>().aggregate).takes == AggregateInput::kNothing
                  ? 0
                  : 1,
              2};
    case Op::kIn:
    case Op::kIsMissing:
    case Op::kIsKnown:
    case Op::kNot:
    case Op::kNegate:
    case Op::kToFloat:
    case Op::kMatches:
    case Op::kMatchesAnyOf:
    case Op::kContainsAnyOf:
    case Op::kContainsAnyWordOf:
    case Op::kMatched:
      return {1, 1};
    case Op::kBetween:
    case Op::kIf:
      return {3, 3};
    case Op::kInValues:
    case Op::kCoalesce:
    case Op::kTable:
      return {1, kMany};
    case Op::kAnd:
    case Op::kOr:
    case Op::kInTable:
      return {2, kMany};
    case Op::kCall:
      return arity_of_call(expr.as<FunctionCall>().function);
    default:
      return {2, 2};
  }
}
}  // namespace

const Field* ExpressionValidator::field_at(EventTypeIndex type, FieldIndex field) {
  if (type.value >= plan_.event_types.size()) {
    problem("event type {} of {}", type.value, plan_.event_types.size());
    return nullptr;
  }
  const EventType& event_type = plan_.event_types[type.value];
  if (field.value >= event_type.fields.size()) {
    problem("field {} of `{}`, which has {}", field.value, event_type.name,
            event_type.fields.size());
    return nullptr;
  }
  return &event_type.fields[field.value];
}

void ExpressionValidator::check_type(const Type& type) {
  if (type.kind == TypeKind::kDecimal && type.scale > kScaleMax) {
    problem("decimal of scale {}", type.scale);
  }
  if (type.kind == TypeKind::kEnum && (!type.words || type.words->empty())) {
    problem("enum without words");
  }
}

std::vector<EventTypeIndex> ExpressionValidator::types_of(const std::vector<Subset>& events) {
  std::vector<EventTypeIndex> types;
  for (const Subset& subset : events) types.push_back(subset.type);
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  return types;
}

void ExpressionValidator::check_subsets(const std::vector<Subset>& events, const KeySpec* key) {
  if (events.empty()) problem("no kind of event");
  for (const Subset& subset : events) {
    if (subset.type.value >= plan_.event_types.size()) {
      problem("event type {} of {}", subset.type.value, plan_.event_types.size());
      continue;
    }
    if (subset.condition) {
      Scope scope;
      scope.types = {subset.type};
      check_condition(*subset.condition, scope);
    }
    if (subset.role.empty()) continue;
    const bool known =
        key != nullptr &&
        std::any_of(key->parts.begin(), key->parts.end(), [&](const KeyPart& part) {
          return std::any_of(part.members.begin(), part.members.end(), [&](const KeyMember& m) {
            return m.type == subset.type && m.role == subset.role;
          });
        });
    if (!known) problem("the key has no role `{}`", subset.role);
  }
}

void ExpressionValidator::check_key(const KeySpec& key, const std::vector<EventTypeIndex>& types) {
  std::set<std::string> names;
  for (const KeyPart& part : key.parts) {
    if (!names.insert(part.name).second) problem("two key parts named `{}`", part.name);
    if (part.type.kind == TypeKind::kFraction) problem("key part `{}` is a fraction", part.name);
    std::set<std::pair<EventTypeIndex, std::string>> members;
    for (const KeyMember& member : part.members) {
      const Field* field = field_at(member.type, member.field);
      if (field && field->type.kind != part.type.kind) {
        problem("key part `{}` is {}, its field `{}` {}", part.name, type_name(part.type),
                field->name, type_name(field->type));
      }
      if (!members.insert({member.type, member.role}).second) {
        problem("key part `{}` has an event type twice", part.name);
      }
    }
    for (const EventTypeIndex type : types) {
      const bool found = std::any_of(part.members.begin(), part.members.end(),
                                     [&](const KeyMember& member) { return member.type == type; });
      if (!found) problem("key part `{}` has no field in event type {}", part.name, type.value);
    }
  }
}

void ExpressionValidator::check_condition(const Expr& expr, const Scope& scope) {
  if (expr.type.kind != TypeKind::kBool) problem("a condition of type {}", type_name(expr.type));
  check_expr(expr, scope);
}

void ExpressionValidator::check_text(const ExprPtr& expr, const Scope& scope, const char* what) {
  if (expr->type.kind != TypeKind::kString) problem("{} of type {}", what, type_name(expr->type));
  check_expr(*expr, scope);
}

void ExpressionValidator::check_field_ref(const Expr& expr,
                                          const std::vector<EventTypeIndex>& types) {
  const FieldRef& ref = *field_of(expr);
  if (ref.by_type.empty()) problem("field `{}` of no event type", ref.name);
  for (std::size_t i = 0; i < ref.by_type.size(); ++i) {
    const auto& [type, index] = ref.by_type[i];
    if (i > 0 && ref.by_type[i - 1].first >= type) {
      problem("field `{}`: event types do not ascend", ref.name);
    }
    const Field* field = field_at(type, index);
    if (field && !(field->type == expr.type)) {
      problem("field `{}` is {}, not {}", ref.name, type_name(field->type), type_name(expr.type));
    }
  }
  for (const EventTypeIndex type : types) {
    if (!ref.in(type)) problem("field `{}` is not in event type {}", ref.name, type.value);
  }
}

bool ExpressionValidator::check_var(VarIndex var, const Scope& scope) {
  if (var.value < scope.variables) return true;
  problem("variable {} of {}", var.value, scope.variables);
  return false;
}

void ExpressionValidator::check_list_use(const Expr& expr, bool texts, bool regexes) {
  const ListIndex index = expr.as<ListLookup>().list;
  if (index.value >= plan_.lists.size()) {
    problem("list {} of {}", index.value, plan_.lists.size());
    return;
  }
  const List& list = plan_.lists[index.value];
  const bool text = list.element.kind == TypeKind::kString && list.kind != ListKind::kRegex &&
                    list.kind != ListKind::kNetwork;
  const bool regex = list.kind == ListKind::kRegex;
  if (!(texts && text) && !(regexes && regex) && (texts || regexes)) {
    problem("list `{}` cannot be searched for here", list.name);
  }
}

void ExpressionValidator::check_table_use(const Expr& expr) {
  const auto& read = expr.as<ColumnRead>();
  if (read.table.value >= plan_.tables.size()) {
    problem("table {} of {}", read.table.value, plan_.tables.size());
    return;
  }
  const Table& table = plan_.tables[read.table.value];
  const bool list = expr.op == Op::kInTable;
  if (expr.args.size() != table.key_types.size() + (list ? 1U : 0U)) {
    problem("{} operands for the key of table `{}`", expr.args.size(), table.name);
  }
  if (read.column >= table.columns.size()) {
    problem("column {} of table `{}`, which has {}", read.column, table.name, table.columns.size());
  } else if (table.columns[read.column].list_of_string != list) {
    problem("column `{}` of table `{}` read as {}", table.columns[read.column].name, table.name,
            list ? "a list" : "a value");
  }
}

void ExpressionValidator::check_call(const Expr& expr) {
  const auto& call = expr.as<FunctionCall>();
  const bool is_capture = call.function == Function::kCapture;
  if (call.regex.has_value() != is_capture) {
    problem("{} {} a regular expression", function_name(call.function),
            is_capture ? "without" : "with");
  }
  if (!is_capture) return;
  const Expr* group = expr.args[1].get();
  const auto* literal = group != nullptr ? std::get_if<LiteralValue>(&group->payload) : nullptr;
  const Value number = literal != nullptr ? literal->value.view() : Value::missing();
  if (number.kind != ValueKind::kInt || number.number < 0 || number.number > 0xffff) {
    problem("a group of a pattern that is no number");
  }
}

void ExpressionValidator::check_bound(const Expr& expr, const Scope& scope) {
  const auto& bound = expr.as<BoundField>();
  if (expr.args.empty()) {
    check_field_ref(expr, {});
  } else if (!expr.args[0] || expr.args[0]->op != Op::kFeature || !expr.args[0]->args.empty() ||
             !bound.field.by_type.empty()) {
    problem("a step's event is asked for neither a field nor a feature by its own key");
  }
  if (check_var(bound.var, scope) &&
      (bound.which == Which::kOnly) == (*scope.declared)[bound.var.value].loop) {
    problem("a loop's event is its first or its last, a single event neither");
  }
}

void ExpressionValidator::check_feature_read(const Expr& expr, const Scope& scope) {
  const FeatureIndex index = feature_of(expr);
  if (index.value >= plan_.features.size()) {
    problem("feature {} of {}", index.value, plan_.features.size());
    return;
  }
  const Feature& feature = plan_.features[index.value];
  if (!scope.features) {
    problem("a feature is read where none can be");
  } else if (!expr.args.empty() && expr.args.size() != feature.key.parts.size()) {
    problem("{} operands for the key of feature `{}`", expr.args.size(), feature.name);
  }
}

// What an operator names besides its operands.
void ExpressionValidator::check_leaf(const Expr& expr, const Scope& scope) {
  switch (expr.op) {
    case Op::kField:
      check_field_ref(expr, scope.types);
      break;
    case Op::kPrev:
      check_field_ref(expr, {});
      if (!scope.own_loop) problem("`prev` outside a loop's condition");
      break;
    case Op::kBound:
      check_bound(expr, scope);
      break;
    case Op::kAggregate: {
      const auto& over = expr.as<VariableAggregate>();
      check_var(over.var, scope);
      if (!traits_of(over.aggregate).of_loops) {
        problem("{} is for features", aggregate_name(over.aggregate));
      }
      break;
    }
    case Op::kInLoop:
    case Op::kIsBound:
      check_var(expr.as<VariableTest>().var, scope);
      break;
    case Op::kFeature:
      check_feature_read(expr, scope);
      break;
    case Op::kKey: {
      const std::uint32_t part = expr.as<KeyRead>().part;
      if (!scope.key || part >= scope.key->parts.size()) problem("key part {}", part);
      break;
    }
    case Op::kIn:
      check_list_use(expr, false, false);
      break;
    case Op::kMatchesAnyOf:
      check_list_use(expr, false, true);
      break;
    case Op::kContainsAnyOf:
    case Op::kContainsAnyWordOf:
      check_list_use(expr, true, false);
      break;
    case Op::kMatched:
      check_list_use(expr, true, true);
      break;
    case Op::kTable:
    case Op::kInTable:
      check_table_use(expr);
      break;
    case Op::kCall:
      check_call(expr);
      break;
    default:
      break;
  }
}

void ExpressionValidator::check_kinds(const Expr& expr) {
  const std::vector<EventTypeIndex>& types = expr.as<KindTest>().types;
  if (expr.args.size() != types.size()) {
    problem("{} conditions for {} kinds", expr.args.size(), types.size());
    return;
  }
  for (std::size_t i = 0; i < expr.args.size(); ++i) {
    const EventTypeIndex type = types[i];
    if (type.value >= plan_.event_types.size()) {
      problem("event type {} of {}", type.value, plan_.event_types.size());
    } else if (expr.args[i]) {
      Scope scope;
      scope.types = {type};
      check_condition(*expr.args[i], scope);
    }
  }
}

void ExpressionValidator::check_expr(const Expr& expr, const Scope& scope) {
  check_type(expr.type);
  if (expr.payload.index() != payload_for(expr.op).index()) {
    problem("an operator with the payload of another in {}", describe(plan_, expr));
    return;
  }
  const auto [least, most] = arity_of(expr);
  if (expr.args.size() < least || expr.args.size() > most) {
    problem("{} operands in {}", expr.args.size(), describe(plan_, expr));
    return;
  }
  check_leaf(expr, scope);
  if (expr.op == Op::kInKinds) {
    check_kinds(expr);
    return;
  }
  Scope inner = scope;
  if (expr.op == Op::kAggregate || expr.op == Op::kInLoop) {
    inner.types.clear();
    inner.own_loop.reset();
  }
  for (std::size_t i = 0; i < expr.args.size(); ++i) {
    const ExprPtr& arg = expr.args[i];
    if (arg) {
      // The value to find in a loop is evaluated on the current event.
      check_expr(*arg, expr.op == Op::kInLoop && i == 0 ? scope : inner);
    } else if (expr.op != Op::kAggregate) {
      // Only an aggregate leaves an operand out: count's element, before a condition on elements.
      problem("an operand is absent in {}", describe(plan_, expr));
    }
  }
}
}  // namespace tocsin::cep

// validate(): what no rule text could have said. It guards the engine against plans made by hand or
// read from a file.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cep/plan.h"

namespace tocsin::cep {
namespace {
// Where an expression stands, which says what it may mention.
struct Scope {
  std::vector<EventTypeIndex> types;  // of the current event; empty: any of the rule's
  const KeySpec* key = nullptr;       // of the rule; absent in kinds and features
  std::size_t variables = 0;          // the rule's
  const std::vector<Variable>* declared = nullptr;
  bool features = false;             // may be read
  std::optional<VarIndex> own_loop;  // the loop whose `prev` may be read
};

class Validator {
 public:
  explicit Validator(const Plan& plan) : plan_(plan) {}

  std::vector<std::string> run() {
    check_names();
    for (const EventType& type : plan_.event_types) check_event_type(type);
    for (const List& list : plan_.lists) check_list(list);
    for (const Feature& feature : plan_.features) check_feature(feature);
    for (const Rule& rule : plan_.rules) check_rule(rule);
    return std::move(problems_);
  }

 private:
  template <typename... Args>
  void problem(fmt::format_string<Args...> format, Args&&... args) {
    problems_.push_back(where_ + ": " + fmt::format(format, std::forward<Args>(args)...));
  }

  void check_names() {
    where_ = "plan";
    const auto check = [this](const char* what, const auto& items) {
      std::set<std::string> seen;
      for (const auto& item : items) {
        if (item.name.empty()) problem("{} without a name", what);
        if (!seen.insert(item.name).second) problem("two {}s named `{}`", what, item.name);
      }
    };
    check("event type", plan_.event_types);
    check("list", plan_.lists);
    check("feature", plan_.features);
    check("rule", plan_.rules);
    std::set<std::string> ids;
    for (const Rule& rule : plan_.rules) {
      if (!ids.insert(rule.id).second) problem("two rules with the id `{}`", rule.id);
    }
  }

  const Field* field_at(EventTypeIndex type, FieldIndex field) {
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

  void check_type(const Type& type) {
    if (type.kind == TypeKind::kDecimal && type.scale > kScaleMax) {
      problem("decimal of scale {}", type.scale);
    }
    if (type.kind == TypeKind::kEnum && (!type.words || type.words->empty())) {
      problem("enum without words");
    }
  }

  void check_event_type(const EventType& type) {
    where_ = fmt::format("event `{}`", type.name);
    std::set<std::string> names;
    for (const Field& field : type.fields) {
      if (!names.insert(field.name).second) problem("two fields named `{}`", field.name);
      if (field.path.empty()) problem("field `{}` has no path", field.name);
      if (field.type.kind == TypeKind::kFraction) problem("field `{}` is a fraction", field.name);
      check_type(field.type);
    }
    if (type.time_field.value >= type.fields.size() ||
        type.fields[type.time_field.value].type.kind != TypeKind::kTime) {
      problem("the time field is not of type time");
    }
    if (type.id_field && type.id_field->value >= type.fields.size())
      problem("id field out of range");
    if (type.bound < Duration{0}) problem("negative bound");
  }

  void check_list(const List& list) {
    where_ = fmt::format("list `{}`", list.name);
    check_type(list.element);
    for (const OwnedValue& value : list.values) {
      if (value.view().is_missing()) problem("missing value");
    }
  }

  static std::vector<EventTypeIndex> types_of(const std::vector<Subset>& events) {
    std::vector<EventTypeIndex> types;
    for (const Subset& subset : events) types.push_back(subset.type);
    std::sort(types.begin(), types.end());
    types.erase(std::unique(types.begin(), types.end()), types.end());
    return types;
  }

  void check_subsets(const std::vector<Subset>& events) {
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
    }
  }

  void check_key(const KeySpec& key, const std::vector<EventTypeIndex>& types) {
    std::set<std::string> names;
    for (const KeyPart& part : key.parts) {
      if (!names.insert(part.name).second) problem("two key parts named `{}`", part.name);
      if (part.type.kind == TypeKind::kFraction) problem("key part `{}` is a fraction", part.name);
      for (const KeyMember& member : part.members) {
        const Field* field = field_at(member.type, member.field);
        if (field && field->type.kind != part.type.kind) {
          problem("key part `{}` is {}, its field `{}` {}", part.name, type_name(part.type),
                  field->name, type_name(field->type));
        }
      }
      for (const EventTypeIndex type : types) {
        const bool found =
            std::any_of(part.members.begin(), part.members.end(),
                        [&](const KeyMember& member) { return member.type == type; });
        if (!found) problem("key part `{}` has no field in event type {}", part.name, type.value);
      }
    }
  }

  void check_feature(const Feature& feature) {
    where_ = fmt::format("feature `{}`", feature.name);
    check_subsets(feature.events);
    Scope scope;
    scope.types = types_of(feature.events);
    if (feature.argument) check_expr(*feature.argument, scope);
    if (feature.where) check_condition(*feature.where, scope);
    if ((feature.aggregate == Aggregate::kCount) == static_cast<bool>(feature.argument)) {
      problem("only count is without an argument");
    }
    check_key(feature.key, scope.types);
    if (feature.window.duration && *feature.window.duration <= Duration{0})
      problem("window of no length");
    if (feature.window.kind == WindowKind::kLast && !feature.window.duration) {
      problem("`last` without a duration");
    }
  }

  void check_condition(const Expr& expr, const Scope& scope) {
    if (expr.type.kind != TypeKind::kBool) problem("a condition of type {}", type_name(expr.type));
    check_expr(expr, scope);
  }

  void check_field_ref(const Expr& expr, const std::vector<EventTypeIndex>& types) {
    if (expr.field.by_type.empty()) problem("field `{}` of no event type", expr.field.name);
    for (std::size_t i = 0; i < expr.field.by_type.size(); ++i) {
      const auto& [type, index] = expr.field.by_type[i];
      if (i > 0 && expr.field.by_type[i - 1].first >= type) {
        problem("field `{}`: event types do not ascend", expr.field.name);
      }
      const Field* field = field_at(type, index);
      if (field && !(field->type == expr.type)) {
        problem("field `{}` is {}, not {}", expr.field.name, type_name(field->type),
                type_name(expr.type));
      }
    }
    for (const EventTypeIndex type : types) {
      if (!expr.field.in(type))
        problem("field `{}` is not in event type {}", expr.field.name, type.value);
    }
  }

  bool check_var(VarIndex var, const Scope& scope) {
    if (var.value < scope.variables) return true;
    problem("variable {} of {}", var.value, scope.variables);
    return false;
  }

  static std::pair<std::size_t, std::size_t> arity(const Expr& expr) {
    constexpr std::size_t kMany = ~std::size_t{0};
    switch (expr.op) {
      case Op::kLiteral:
      case Op::kField:
      case Op::kBound:
      case Op::kPrev:
      case Op::kFeature:
      case Op::kKey:
      case Op::kIsBound:
        return {0, 0};
      case Op::kAggregate:
        return {expr.aggregate == Aggregate::kCount ? 0 : 1, 2};
      case Op::kIn:
      case Op::kIsMissing:
      case Op::kIsKnown:
      case Op::kNot:
      case Op::kNegate:
      case Op::kToFloat:
        return {1, 1};
      case Op::kBetween:
      case Op::kIf:
        return {3, 3};
      case Op::kInValues:
      case Op::kCoalesce:
        return {1, kMany};
      case Op::kAnd:
      case Op::kOr:
        return {2, kMany};
      default:
        return {2, 2};
    }
  }

  void check_expr(const Expr& expr, const Scope& scope) {
    check_type(expr.type);
    const auto [least, most] = arity(expr);
    if (expr.args.size() < least || expr.args.size() > most) {
      problem("{} operands in {}", expr.args.size(), describe(plan_, expr));
      return;
    }
    Scope inner = scope;
    switch (expr.op) {
      case Op::kField:
        check_field_ref(expr, scope.types);
        break;
      case Op::kPrev:
        check_field_ref(expr, {});
        if (!scope.own_loop) problem("`prev` outside a loop's condition");
        break;
      case Op::kBound:
        check_field_ref(expr, {});
        if (check_var(expr.var, scope) &&
            (expr.which == Which::kOnly) == (*scope.declared)[expr.var.value].loop) {
          problem("a loop's event is its first or its last, a single event neither");
        }
        break;
      case Op::kAggregate:
      case Op::kInLoop:
        check_var(expr.var, scope);
        inner.types.clear();
        inner.own_loop.reset();
        break;
      case Op::kIsBound:
        check_var(expr.var, scope);
        break;
      case Op::kFeature:
        if (expr.feature.value >= plan_.features.size()) {
          problem("feature {} of {}", expr.feature.value, plan_.features.size());
        } else if (!scope.features) {
          problem("a feature is read where none can be");
        }
        break;
      case Op::kKey:
        if (!scope.key || expr.key_part >= scope.key->parts.size())
          problem("key part {}", expr.key_part);
        break;
      case Op::kIn:
        if (expr.list.value >= plan_.lists.size()) {
          problem("list {} of {}", expr.list.value, plan_.lists.size());
        }
        break;
      default:
        break;
    }
    for (const ExprPtr& arg : expr.args) {
      // Only an aggregate leaves an operand out: count's element, before a condition on elements.
      if (arg) {
        check_expr(*arg, inner);
      } else if (expr.op != Op::kAggregate) {
        problem("an operand is absent in {}", describe(plan_, expr));
      }
    }
  }

  Scope rule_scope(const Rule& rule) const {
    Scope scope;
    scope.key = &rule.key;
    scope.variables = rule.variables.size();
    scope.declared = &rule.variables;
    scope.features = true;
    return scope;
  }

  void check_element(const Rule& rule, const Element& element, std::vector<std::uint32_t>& taken) {
    if (element.gap && *element.gap <= Duration{0}) problem("`within` of no length on a step");
    if (element.kind == ElementKind::kStep || element.kind == ElementKind::kAbsence) {
      check_subsets(element.events);
      if (!element.children.empty()) problem("a step has elements of its own");
      Scope scope = rule_scope(rule);
      scope.types = types_of(element.events);
      if (element.quantifier.loop) scope.own_loop = element.var;
      if (element.where) check_condition(*element.where, scope);
      if (!element.until_events.empty()) {
        check_subsets(element.until_events);
        if (element.quantifier.max) problem("`until` on a counted loop");
        scope.types = types_of(element.until_events);
        if (element.until_where) check_condition(*element.until_where, scope);
      }
    } else if (element.children.empty()) {
      problem("a group without elements");
    }
    if (element.kind == ElementKind::kAbsence) {
      if (element.absent_for && *element.absent_for <= Duration{0}) problem("`for` of no length");
      if (element.optional) problem("an optional absence");
      return;
    }
    const Quantifier& quantifier = element.quantifier;
    if (quantifier.max && (*quantifier.max < quantifier.min || *quantifier.max == 0)) {
      problem("a count of {} to {}", quantifier.min, *quantifier.max);
    }
    if (quantifier.min == 0) problem("a count from 0 is an optional count from 1");
    if (element.kind == ElementKind::kStep) {
      if (element.var.value >= rule.variables.size()) {
        problem("variable {} of {}", element.var.value, rule.variables.size());
      } else {
        taken.push_back(element.var.value);
        if (rule.variables[element.var.value].loop != quantifier.loop) {
          problem("variable {} and its step differ on being a loop", element.var.value);
        }
      }
      if (!quantifier.loop && (quantifier.min != 1 || quantifier.max != 1U)) {
        problem("a count on a step that is no loop");
      }
    }
    for (const Element& child : element.children) check_element(rule, child, taken);
  }

  void check_pattern(const Rule& rule) {
    if (rule.pattern.empty()) {
      problem("no pattern");
      return;
    }
    std::vector<std::uint32_t> taken;
    for (const Element& element : rule.pattern) check_element(rule, element, taken);
    std::sort(taken.begin(), taken.end());
    if (std::adjacent_find(taken.begin(), taken.end()) != taken.end())
      problem("two steps of one variable");
    if (taken.size() != rule.variables.size()) problem("a variable without a step");
    if (rule.pattern.front().kind == ElementKind::kAbsence)
      problem("the pattern begins with an absence");
    if (std::all_of(rule.pattern.begin(), rule.pattern.end(), [](const Element& element) {
          return element.kind == ElementKind::kAbsence || element.optional;
        })) {
      problem("no step takes an event");
    }
    for (std::size_t i = 1; i < rule.pattern.size(); ++i) {
      const Element& element = rule.pattern[i];
      if (element.kind != ElementKind::kAbsence) continue;
      if (rule.pattern[i - 1].optional) problem("an absence directly after an optional step");
      const bool last = i + 1 == rule.pattern.size();
      if (!last && element.absent_for) problem("`for` on an absence that is not the last");
      if (last && !element.next && !element.absent_for && !rule.within) {
        problem("a last absence with neither `for` nor `within`");
      }
    }
  }

  void check_rule(const Rule& rule) {
    where_ = fmt::format("rule `{}`", rule.name);
    if (rule.id.empty()) problem("no id");
    std::set<std::string> names;
    for (const Variable& variable : rule.variables) {
      if (!variable.name.empty() && !names.insert(variable.name).second) {
        problem("two variables named `{}`", variable.name);
      }
    }
    check_subsets(rule.considered);
    check_key(rule.key, types_of(rule.considered));
    check_pattern(rule);
    if (rule.within && *rule.within <= Duration{0}) problem("`within` of no length");
    const Scope scope = rule_scope(rule);
    if (rule.having) check_condition(*rule.having, scope);
    if (rule.severity) {
      check_expr(*rule.severity, scope);
      if (!(rule.severity->type == severity_type())) problem("severity is no severity");
    }
    const bool by_variable = rule.selection.kind == SelectionKind::kSkipToFirst ||
                             rule.selection.kind == SelectionKind::kSkipToLast;
    if (by_variable) check_var(rule.selection.var, scope);
    const Suppression& suppression = rule.suppression;
    if (suppression.once == Once::kPerDuration && suppression.duration <= Duration{0}) {
      problem("`once per` no time");
    }
    if (suppression.once == Once::kPerVariable) check_var(suppression.var, scope);
    if (suppression.once == Once::kWhile && !suppression.while_condition)
      problem("`once while` nothing");
    if (suppression.while_condition) check_condition(*suppression.while_condition, scope);
    for (const ExprPtr& expr : suppression.for_each) check_expr(*expr, scope);
    for (const MessagePart& part : rule.message) {
      if (part.expr) check_expr(*part.expr, scope);
    }
    std::set<std::string> fields;
    for (const AlertField& field : rule.fields) {
      if (!fields.insert(field.name).second) problem("two alert fields named `{}`", field.name);
      if (field.expr) {
        check_expr(*field.expr, scope);
      } else {
        problem("alert field `{}` without a value", field.name);
      }
    }
    for (std::size_t i = 0; i < rule.captured.size(); ++i) {
      const Captured& captured = rule.captured[i];
      if (i > 0 && rule.captured[i - 1].type >= captured.type)
        problem("captured types do not ascend");
      for (std::size_t j = 0; j < captured.fields.size(); ++j) {
        field_at(captured.type, captured.fields[j]);
        if (j > 0 && captured.fields[j - 1] >= captured.fields[j]) {
          problem("captured fields do not ascend");
        }
      }
    }
  }

  const Plan& plan_;
  std::string where_;
  std::vector<std::string> problems_;
};
}  // namespace

std::vector<std::string> validate(const Plan& plan) { return Validator(plan).run(); }
}  // namespace tocsin::cep

// validate(): what no rule text could have said. It guards the engine against plans made by hand or
// read from a file.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/plan_validator.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"
#include "cep/value/ip_address.h"

namespace tocsin::cep {
void DeclarationValidator::run() {
  check_names();
  for (std::size_t i = 0; i < plan_.event_types.size(); ++i) check_event_type(EventTypeIndex(i));
  for (const List& list : plan_.lists) check_list(list);
  for (const Table& table : plan_.tables) check_table(table);
  for (const Zone& zone : plan_.zones) check_zone(zone);
  for (const Feature& feature : plan_.features) check_feature(feature);
  check_feature_order();
}

void DeclarationValidator::check_names() {
  problems_.where = "plan";
  const auto check = [this](const char* what, const auto& items) {
    std::set<std::string> seen;
    for (const auto& item : items) {
      if (item.name.empty()) problem("{} without a name", what);
      if (!seen.insert(item.name).second) problem("two {}s named `{}`", what, item.name);
    }
  };
  check("list", plan_.lists);
  check("table", plan_.tables);
  check("zone", plan_.zones);
  check("feature", plan_.features);
  check("rule", plan_.rules);
  // Alerts are of the rule's name, which may be an event type's too.
  std::set<std::pair<bool, std::string>> seen;
  for (const EventType& type : plan_.event_types) {
    if (type.name.empty()) problem("event type without a name");
    if (!seen.insert({type.is_alert(), type.name}).second) {
      problem("two event types named `{}`", type.name);
    }
  }
  std::set<std::string> ids;
  for (const Rule& rule : plan_.rules) {
    if (!ids.insert(rule.id).second) problem("two rules with the id `{}`", rule.id);
  }
}

void DeclarationValidator::check_event_type(EventTypeIndex index) {
  const EventType& type = plan_.event_types[index.value];
  problems_.where = fmt::format("event `{}`", type.name);
  std::set<std::string> names;
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    const Field& field = type.fields[i];
    if (!names.insert(field.name).second) problem("two fields named `{}`", field.name);
    if (field.computed) {
      if (!field.path.empty()) problem("computed field `{}` has a path", field.name);
      check_computed(index, i);
    } else if (field.path.empty() && !type.is_alert()) {
      problem("field `{}` has no path", field.name);
    }
    if (field.type.kind == TypeKind::kFraction) problem("field `{}` is a fraction", field.name);
    exprs_.check_type(field.type);
  }
  if (type.time_field.value >= type.fields.size() ||
      type.fields[type.time_field.value].type.kind != TypeKind::kTime) {
    problem("the time field is not of type time");
  } else if (type.fields[type.time_field.value].computed) {
    problem("the time field is computed");
  }
  if (type.id_field && type.id_field->value >= type.fields.size()) {
    problem("id field out of range");
  } else if (type.id_field && type.fields[type.id_field->value].computed) {
    problem("the id field is computed");
  }
  if (type.bound < Duration{0}) problem("negative bound");
  if (type.unique && !type.id_field) problem("`unique` without an id field");
  if (type.unique && type.unique->within && *type.unique->within <= Duration{0}) {
    problem("`unique within` no time");
  }
  if (type.is_alert()) check_alert_type(type);
}

// A computed field reads fields of its own event: those from outside, and computed ones before it.
void DeclarationValidator::check_computed(EventTypeIndex index, std::size_t field) {
  const EventType& type = plan_.event_types[index.value];
  Scope scope;
  scope.types = {index};
  const Expr& root = *type.fields[field].computed;
  exprs_.check_expr(root, scope);
  const auto visit = [&](const auto& self, const Expr& expr) -> void {
    const FieldRef* const named = expr.op == Op::kField ? field_of(expr) : nullptr;
    const auto read = named != nullptr ? named->in(index) : std::nullopt;
    if (read && read->value < type.fields.size() && type.fields[read->value].computed &&
        read->value >= field) {
      problem("computed field `{}` reads `{}`, which is not before it", type.fields[field].name,
              type.fields[read->value].name);
    }
    for (const ExprPtr& arg : expr.args) {
      if (arg) self(self, *arg);
    }
  };
  visit(visit, root);
}

void DeclarationValidator::check_alert_type(const EventType& type) {
  if (!type.json_type.empty()) problem("alerts as events do not come from outside");
  if (type.alert_of && !type.any_alert_of.empty()) problem("alerts of one rule and of several");
  std::vector<std::string> wanted = {"ts"};
  if (type.alert_of) {
    if (type.alert_of->value >= plan_.rules.size()) {
      problem("rule {} of {}", type.alert_of->value, plan_.rules.size());
      return;
    }
    const Rule& rule = plan_.rules[type.alert_of->value];
    for (const KeyPart& part : rule.key.parts) wanted.push_back(part.name);
    wanted.insert(wanted.end(), {"score", "severity"});
    for (const AlertField& field : rule.fields) {
      if (field.name != "score") wanted.push_back(field.name);
    }
  } else {
    wanted.insert(wanted.end(), {"rule", "severity", "score", "key", "tags"});
    for (std::size_t i = 0; i < type.any_alert_of.size(); ++i) {
      if (type.any_alert_of[i].value >= plan_.rules.size()) {
        problem("rule {} of {}", type.any_alert_of[i].value, plan_.rules.size());
      }
      if (i > 0 && type.any_alert_of[i - 1] >= type.any_alert_of[i]) {
        problem("rules of `any alert` do not ascend");
      }
    }
  }
  std::vector<std::string> found;
  for (const Field& field : type.fields) {
    found.push_back(field.name);
    if (field.computed) problem("computed field `{}` of an alert", field.name);
  }
  if (found != wanted) {
    problem("an alert's fields are {}, not {}", fmt::join(wanted, ", "), fmt::join(found, ", "));
  }
}

void DeclarationValidator::check_list(const List& list) {
  problems_.where = fmt::format("list `{}`", list.name);
  exprs_.check_type(list.element);
  for (const OwnedValue& value : list.values) {
    if (value.view().is_missing()) problem("missing value");
  }
  if (list.kind != ListKind::kValues && list.element.kind != TypeKind::kString) {
    problem("phrases, patterns and networks are text, not {}", type_name(list.element));
  } else if (list.kind == ListKind::kNetwork) {
    for (const OwnedValue& value : list.values) check_network(value.view());
  }
  const bool is_searched = list.kind == ListKind::kText || list.kind == ListKind::kRegex;
  if (!list.ignore_case.empty() &&
      (!is_searched || list.ignore_case.size() != list.values.size())) {
    problem("one `ignore_case` for each pattern");
  }
  const auto differs = [&](bool ignores) { return ignores != list.ignore_case.front(); };
  if (list.kind == ListKind::kText && std::ranges::any_of(list.ignore_case, differs)) {
    problem("phrases of one list ignore case alike");
  }
}

void DeclarationValidator::check_network(const Value& value) {
  const auto network = read_network(value.text);
  if (!network || network_text(*network) != value.text) {
    problem("`{}` is no network as it is written", value.text);
  }
}

void DeclarationValidator::check_table(const Table& table) {
  problems_.where = fmt::format("table `{}`", table.name);
  if (table.key_names.empty() || table.key_names.size() != table.key_types.size()) {
    problem("a key of {} names and {} types", table.key_names.size(), table.key_types.size());
  }
  for (const Type& type : table.key_types) exprs_.check_type(type);
  const bool has_network = table.network_key && *table.network_key < table.key_types.size() &&
                           table.key_types[*table.network_key].kind == TypeKind::kString;
  if (table.network_key && !has_network) problem("a network that is no part of the key");
  std::set<std::string> names;
  for (const TableColumn& column : table.columns) {
    if (!names.insert(column.name).second) problem("two columns named `{}`", column.name);
    if (!column.list_of_string) exprs_.check_type(column.type);
  }
  for (const TableRow& row : table.rows) {
    if (row.key.size() != table.key_types.size())
      problem("a row with {} key parts", row.key.size());
    if (row.values.size() != table.columns.size() || row.lists.size() != table.columns.size()) {
      problem("a row with {} values and {} lists for {} columns", row.values.size(),
              row.lists.size(), table.columns.size());
    }
    for (const OwnedValue& part : row.key) {
      if (part.view().is_missing()) problem("a row with a missing key");
    }
    if (has_network && row.key.size() == table.key_types.size()) {
      check_network(row.key[*table.network_key].view());
    }
  }
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    for (std::size_t j = 0; table.rows.size() <= 100 && j < i; ++j) {
      const bool equal =
          std::equal(table.rows[i].key.begin(), table.rows[i].key.end(), table.rows[j].key.begin(),
                     table.rows[j].key.end(), [](const OwnedValue& a, const OwnedValue& b) {
                       return a.view().kind == b.view().kind && same_value(a.view(), b.view());
                     });
      if (equal) problem("two rows of one key");
    }
  }
}

void DeclarationValidator::check_zone(const Zone& zone) {
  problems_.where = fmt::format("zone `{}`", zone.name);
  if (zone.changes.empty()) problem("no offset");
  for (std::size_t i = 0; i < zone.changes.size(); ++i) {
    if (i > 0 && zone.changes[i - 1].from >= zone.changes[i].from) problem("changes do not ascend");
    if (zone.changes[i].offset_seconds <= -86'400 || zone.changes[i].offset_seconds >= 86'400) {
      problem("an offset of {} s", zone.changes[i].offset_seconds);
    }
  }
}

void DeclarationValidator::check_feature(const Feature& feature) {
  problems_.where = fmt::format("feature `{}`", feature.name);
  exprs_.check_subsets(feature.events, nullptr);
  Scope scope;
  scope.types = ExpressionValidator::types_of(feature.events);
  scope.features = true;
  if (feature.argument) exprs_.check_expr(*feature.argument, scope);
  if (feature.where) exprs_.check_condition(*feature.where, scope);
  if (feature.window.where()) exprs_.check_condition(*feature.window.where(), scope);
  const AggregateTraits& traits = traits_of(feature.aggregate);
  if ((traits.takes == AggregateInput::kNothing) == static_cast<bool>(feature.argument)) {
    problem("only count is without an argument");
  }
  exprs_.check_type(feature.type);
  exprs_.check_key(feature.key, scope.types);
  check_feature_window(feature);
  const bool decays = traits.parameter == AggregateParameter::kDecay;
  if (decays != (feature.half_life.has_value() != feature.weight.has_value()) ||
      (!decays && feature.half_life)) {
    problem("ewma, and only it, has a half life or a weight");
  }
  if (feature.half_life && *feature.half_life <= Duration{0}) problem("a half life of no length");
  if (feature.weight && !(*feature.weight > 0 && *feature.weight <= 1))
    problem("a weight of {}", *feature.weight);
  if (traits.parameter == AggregateParameter::kPercentage &&
      !(feature.percentile > 0 && feature.percentile <= 100)) {
    problem("a percentile of {}", feature.percentile);
  }
  if (feature.unless_alerted_by) {
    if (feature.unless_alerted_by->value >= plan_.rules.size()) {
      problem("rule {} of {}", feature.unless_alerted_by->value, plan_.rules.size());
    }
    const WindowKind kind = feature.window.kind();
    if (kind != WindowKind::kPrevious && kind != WindowKind::kPreviousEver &&
        kind != WindowKind::kPreviousEvents) {
      problem("`unless alerted by` is for `previous` windows");
    }
  }
}

void DeclarationValidator::check_feature_window(const Feature& feature) {
  const FeatureWindow& window = feature.window;
  const std::optional<Duration> duration = window.duration();
  if (duration && *duration <= Duration{0}) problem("window of no length");
  if (window.events() && *window.events() == 0) problem("a window of 0 events");
  if (const auto* const calendar = window.as<CalendarUnitWindow>()) {
    if (calendar->zone) {
      Scope scope;
      exprs_.check_text(calendar->zone, scope, "a zone");
    } else {
      problem("a window of the calendar has a zone");
    }
  }
  const std::optional<Duration> excluding = window.excluding();
  if (excluding && (*excluding <= Duration{0} || *excluding >= *duration)) {
    problem("`excluding last` leaves nothing, or all");
  }
  if (window.every() && *window.every() <= Duration{0}) problem("panes of no length");
  if (window.needs && *window.needs == 0) problem("`needs` 0 events");
}

// No feature reads itself, whatever lies between.
void DeclarationValidator::check_feature_order() {
  problems_.where = "plan";
  std::vector<int> state(plan_.features.size(), 0);  // 1: being looked at, 2: done
  bool found = false;
  const auto look = [&](const auto& self, std::size_t index) -> void {
    if (state[index] == 2) return;
    if (state[index] == 1) {
      if (!found) problem("feature `{}` reads itself", plan_.features[index].name);
      found = true;
      return;
    }
    state[index] = 1;
    const auto visit = [&](const auto& again, const ExprPtr& expr) -> void {
      if (!expr) return;
      const auto* const read = std::get_if<FeatureRead>(&expr->payload);
      if (read != nullptr && read->feature.value < plan_.features.size()) {
        self(self, read->feature.value);
      }
      for (const ExprPtr& arg : expr->args) again(again, arg);
    };
    visit(visit, plan_.features[index].argument);
    visit(visit, plan_.features[index].where);
    state[index] = 2;
  };
  for (std::size_t i = 0; i < plan_.features.size(); ++i) look(look, i);
}

std::vector<std::string> validate(const Plan& plan) {
  PlanProblems problems;
  DeclarationValidator(plan, problems).run();
  RuleValidator rules(plan, problems);
  for (const Rule& rule : plan.rules) rules.check_rule(rule);
  if (problems.texts.empty()) rules.check_rule_order();
  return std::move(problems.texts);
}
}  // namespace tocsin::cep

// validate(): patterns and clauses of rules.
#include <algorithm>
#include <set>

#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/plan_validator.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"

namespace tocsin::cep {
namespace {
bool is_absence(const Element& element) { return element.is_absence(); }

bool is_sequence(const Element& element) { return element.kind() == ElementKind::kGroup; }

// Whether a path through the element may take no event.
bool may_be_empty(const Element& element) {
  if (is_absence(element) || element.is_optional()) return true;
  const auto empty = [](const Element& child) { return may_be_empty(child); };
  switch (element.kind()) {
    case ElementKind::kGroup:
    case ElementKind::kAllOf:
      return std::all_of(element.children().begin(), element.children().end(), empty);
    case ElementKind::kOneOf:
      return std::any_of(element.children().begin(), element.children().end(), empty);
    default:
      return false;
  }
}

// Whether any step can take an event at all.
bool takes_nothing(const Element& element) {
  return is_absence(element) ||
         (!element.is_step() &&
          std::all_of(element.children().begin(), element.children().end(), takes_nothing));
}

// The absences with which a sequence may end, looking into what stands last.
// Of what may end a match: the last element of a sequence, each alternative, each member.
void collect_last_absences(const Element& last, std::vector<const Element*>& absences) {
  if (is_absence(last)) absences.push_back(&last);
  if (last.children().empty()) return;
  if (is_sequence(last)) {
    collect_last_absences(last.children().back(), absences);
    return;
  }
  for (const Element& child : last.children()) collect_last_absences(child, absences);
}
std::vector<const Element*> last_absences(const Rule& rule) {
  std::vector<const Element*> absences;
  if (!rule.pattern.empty()) collect_last_absences(rule.pattern.back(), absences);
  return absences;
}

void collect_rules_read(const Plan& plan, const std::vector<Subset>& events,
                        std::set<std::size_t>& rules) {
  for (const Subset& subset : events) {
    const EventType& type = plan.event_types[subset.type.value];
    if (type.alert_of) rules.insert(type.alert_of->value);
    for (const RuleIndex rule : type.any_alert_of) rules.insert(rule.value);
  }
}
void collect_rules_read(const Plan& plan, const ExprPtr& expr, std::set<std::size_t>& rules) {
  if (!expr) return;
  if (expr->op == Op::kFeature) {
    const Feature& feature = plan.features[feature_of(*expr).value];
    collect_rules_read(plan, feature.events, rules);
    collect_rules_read(plan, feature.argument, rules);
    collect_rules_read(plan, feature.where, rules);
  }
  for (const ExprPtr& arg : expr->args) collect_rules_read(plan, arg, rules);
}
void collect_rules_read(const Plan& plan, const std::vector<Element>& elements,
                        std::set<std::size_t>& rules) {
  for (const Element& element : elements) {
    collect_rules_read(plan, element.where(), rules);
    collect_rules_read(plan, element.until_where(), rules);
    collect_rules_read(plan, element.children(), rules);
  }
}
// The rules whose alerts a rule reads, itself or through features.
std::set<std::size_t> rules_read_by(const Plan& plan, const Rule& rule) {
  std::set<std::size_t> rules;
  collect_rules_read(plan, rule.considered, rules);
  collect_rules_read(plan, rule.pattern, rules);
  if (rule.window) {
    collect_rules_read(plan, rule.window->events, rules);
    collect_rules_read(plan, rule.window->where, rules);
  }
  if (rule.without) collect_rules_read(plan, rule.without->where, rules);
  for (const Exception& exception : rule.exceptions) {
    collect_rules_read(plan, exception.condition, rules);
  }
  collect_rules_read(plan, rule.having, rules);
  collect_rules_read(plan, rule.severity, rules);
  collect_rules_read(plan, rule.suppression.condition(), rules);
  for (const ExprPtr& expr : rule.suppression.for_each) collect_rules_read(plan, expr, rules);
  for (const MessagePart& part : rule.message) collect_rules_read(plan, part.expr, rules);
  for (const AlertField& field : rule.fields) collect_rules_read(plan, field.expr, rules);
  return rules;
}
}  // namespace

ValidationScope RuleValidator::rule_scope(const Rule& rule) {
  Scope scope;
  scope.key = &rule.key;
  scope.variables = rule.variables.size();
  scope.declared = &rule.variables;
  scope.features = true;
  return scope;
}

void RuleValidator::check_test(const Rule& rule, const EventTest& test, Scope scope) {
  exprs_.check_subsets(test.events, &rule.key);
  scope.types = ExpressionValidator::types_of(test.events);
  if (test.where) exprs_.check_condition(*test.where, scope);
}

void RuleValidator::check_step(const Rule& rule, const Step& step) {
  Scope scope = rule_scope(rule);
  const bool known = step.var.value < rule.variables.size();
  if (step.quantifier.loop || (known && rule.variables[step.var.value].loop)) {
    scope.own_loop = step.var;
  }
  check_test(rule, step, scope);
  if (step.until_events.empty()) {
    if (step.until_where) problem("a condition of `until` without kinds");
  } else {
    if (step.quantifier.max) problem("`until` on a counted loop");
    check_test(rule, {step.until_events, step.until_where}, scope);
  }
  check_quantifier(step.quantifier);
  if (!known) {
    problem("variable {} of {}", step.var.value, rule.variables.size());
    return;
  }
  taken_.push_back(step.var.value);
  const bool loop = step.quantifier.loop || repeated_ > 0;
  if (loop != rule.variables[step.var.value].loop) {
    problem("variable {} and its step differ on being a loop", step.var.value);
  }
}

void RuleValidator::check_absence(const Rule& rule, const Absence& absence) {
  check_test(rule, absence, rule_scope(rule));
  if (absence.absent_for && *absence.absent_for <= Duration{0}) problem("`for` of no length");
  if (absence.next && absence.absent_for) problem("`no next` with `for`");
}

void RuleValidator::check_quantifier(const Quantifier& quantifier) {
  if (quantifier.max && (*quantifier.max < quantifier.min || *quantifier.max == 0)) {
    problem("a count of {} to {}", quantifier.min, *quantifier.max);
  }
  if (quantifier.min == 0) problem("a count from 0 is an optional count from 1");
  if (!quantifier.loop && (quantifier.min != 1 || quantifier.max != 1U)) {
    problem("a count on a step that is no loop");
  }
  if (quantifier.greedy) {
    if (quantifier.mode == LoopMode::kEach) problem("`greedy` with `each`");
    if (!quantifier.loop) problem("`greedy` on a step that is no loop");
  }
}

void RuleValidator::check_element(const Rule& rule, const Element& element) {
  if (element.gap && *element.gap <= Duration{0}) problem("`within` of no length on a step");
  if (const Step* const step = element.step()) {
    check_step(rule, *step);
  } else if (const Absence* const absence = element.absence()) {
    check_absence(rule, *absence);
  } else {
    check_group(rule, element);
  }
}

void RuleValidator::check_group(const Rule& rule, const Element& element) {
  if (element.children().empty()) problem("a group without elements");
  check_quantifier(element.quantifier());
  if (element.quantifier().greedy) problem("`greedy` on a group");
  const bool repeats = element.quantifier().loop;
  if (repeats) ++repeated_;
  if (is_sequence(element)) check_sequence(rule, element.children(), false);
  for (const Element& child : element.children()) {
    if (element.kind() == ElementKind::kOneOf &&
        (!is_sequence(child) || child.is_optional() || child.gap || child.quantifier().loop)) {
      problem("an alternative that is no plain sequence");
    }
    if (element.kind() == ElementKind::kAllOf && is_absence(child)) {
      problem("an absence is no member of `all of`");
    }
    if (element.kind() != ElementKind::kGroup) check_element(rule, child);
  }
  if (repeats) --repeated_;
}

void RuleValidator::check_sequence(const Rule& rule, const std::vector<Element>& elements,
                                   bool outermost) {
  if (elements.empty()) return;
  if (is_absence(elements.front())) {
    problem("{} begins with an absence", outermost ? "the pattern" : "a group");
  }
  const std::vector<const Element*> last = last_absences(rule);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const Element& element = elements[i];
    check_element(rule, element);
    if (i > 0 && elements[i - 1].quantifier().greedy && element.is_optional()) {
      problem("`greedy` before an optional step");
    }
    if (!is_absence(element)) continue;
    if (i > 0 && elements[i - 1].is_optional())
      problem("an absence directly after an optional step");
    const bool is_last = std::find(last.begin(), last.end(), &element) != last.end();
    if (element.absent_for() && !is_last) {
      problem("`for` on an absence that is not the last");
    }
    if (is_last && !element.is_next() && !element.absent_for() && !rule.within) {
      problem("a last absence with neither `for` nor `within`");
    }
  }
}

// Each variable belongs to one step, or to a `one of` around some.
void RuleValidator::check_variables(const Rule& rule) {
  std::sort(taken_.begin(), taken_.end());
  if (std::adjacent_find(taken_.begin(), taken_.end()) != taken_.end()) {
    problem("two steps of one variable");
  }
  std::vector<bool> is_parent(rule.variables.size(), false);
  for (std::size_t i = 0; i < rule.variables.size(); ++i) {
    const auto parent = rule.variables[i].parent;
    if (!parent) continue;
    if (parent->value >= i) {
      problem("variable {} stands before its parent {}", i, parent->value);
    } else {
      is_parent[parent->value] = true;
    }
  }
  for (std::size_t i = 0; i < rule.variables.size(); ++i) {
    const bool has_step = std::binary_search(taken_.begin(), taken_.end(), i);
    if (has_step && is_parent[i]) problem("variable {} has both a step and steps inside", i);
    if (!has_step && !is_parent[i]) problem("a variable without a step");
  }
}

void RuleValidator::check_pattern(const Rule& rule) {
  taken_.clear();
  repeated_ = 0;
  if (rule.window) {
    check_window(rule);
    return;
  }
  if (rule.pattern.empty()) {
    problem("no pattern");
    return;
  }
  check_sequence(rule, rule.pattern, true);
  check_variables(rule);
  if (rule.pattern.front().gap) problem("`within` on the first step");
  if (std::all_of(rule.pattern.begin(), rule.pattern.end(), takes_nothing)) {
    problem("no step takes an event");
  } else if (std::all_of(rule.pattern.begin(), rule.pattern.end(), may_be_empty) &&
             std::all_of(rule.pattern.begin(), rule.pattern.end(), [](const Element& element) {
               return is_absence(element) || (element.is_step() && element.is_optional());
             })) {
    problem("no step takes an event for certain");
  }
}

void RuleValidator::check_window(const Rule& rule) {
  const ClosingWindow& window = *rule.window;
  if (!rule.pattern.empty()) problem("a window and a pattern");
  if (const CalendarSpan* const calendar = window.calendar()) {
    if (find_zone(plan_.zones, calendar->zone) == nullptr) problem("window in an unknown zone");
  } else if (window.duration() <= Duration{0}) {
    problem("window of no length");
  }
  exprs_.check_subsets(window.events, &rule.key);
  const Scope scope = rule_scope(rule);
  if (exprs_.check_var(window.var, scope) && !rule.variables[window.var.value].loop) {
    problem("a window's variable holds many events");
  }
  if (window.where) exprs_.check_condition(*window.where, scope);
  if (rule.without) problem("a window with `without`");
  if (rule.within) problem("a window with `within`");
}

void RuleValidator::check_selection(const Rule& rule) {
  const Selection& selection = rule.selection;
  if (selection.kind == SelectionKind::kDefault && selection.in_order) {
    problem("`in order` without `after match`");
  }
  if (selection.in_order && selection.prefer_latest) problem("`in order` with `prefer latest`");
  if (selection.kind != SelectionKind::kSkipToFirst &&
      selection.kind != SelectionKind::kSkipToLast) {
    return;
  }
  if (!exprs_.check_var(selection.var, rule_scope(rule))) return;
  const bool outer =
      std::any_of(rule.pattern.begin(), rule.pattern.end(), [&](const Element& element) {
        if (element.is_step()) return element.var() == selection.var;
        // The variable of a `one of`: steps inside belong to it.
        const auto belongs = [&](const auto& self, const Element& e) -> bool {
          if (e.is_step()) {
            std::optional<VarIndex> owner = e.var();
            while (owner && owner->value < rule.variables.size() && *owner != selection.var) {
              owner = rule.variables[owner->value].parent;
            }
            return owner == selection.var;
          }
          return std::any_of(e.children().begin(), e.children().end(),
                             [&](const Element& child) { return self(self, child); });
        };
        return element.kind() == ElementKind::kOneOf && belongs(belongs, element);
      });
  if (!outer) problem("`skip to` a step that is not of the outermost sequence");
}

void RuleValidator::check_suppression(const Rule& rule) {
  const Scope scope = rule_scope(rule);
  const Suppression& suppression = rule.suppression;
  if (suppression.kind() == Once::kPerDuration && suppression.duration() <= Duration{0}) {
    problem("`once per` no time");
  }
  if (suppression.kind() == Once::kPerVariable) exprs_.check_var(suppression.var(), scope);
  if (suppression.kind() == Once::kWhile && !suppression.condition()) {
    problem("`once while` nothing");
  }
  if (suppression.condition()) {
    Scope considered = scope;
    considered.types = ExpressionValidator::types_of(rule.considered);
    exprs_.check_condition(*suppression.condition(), considered);
  }
  if (suppression.kind() == Once::kPerUnit && !suppression.zone()) {
    problem("`once per` a unit of the calendar has a zone");
  }
  if (suppression.zone()) exprs_.check_text(suppression.zone(), scope, "a zone");
  for (const ExprPtr& expr : suppression.for_each) exprs_.check_expr(*expr, scope);
  if (!suppression.at_most) return;
  if (suppression.at_most->count == 0) problem("`at most` 0");
  if (suppression.at_most->duration <= Duration{0}) problem("`at most` per no time");
  for (const ExprPtr& expr : suppression.at_most->for_each) exprs_.check_expr(*expr, scope);
}

void RuleValidator::check_clauses(const Rule& rule) {
  const Scope scope = rule_scope(rule);
  if (rule.within && *rule.within <= Duration{0}) problem("`within` of no length");
  if (rule.having) exprs_.check_condition(*rule.having, scope);
  if (rule.without) {
    exprs_.check_subsets(rule.without->events, &rule.key);
    if (rule.without->where) {
      Scope forbidden = scope;
      forbidden.types = ExpressionValidator::types_of(rule.without->events);
      exprs_.check_condition(*rule.without->where, forbidden);
    }
    if (rule.without->absent_for) {
      if (*rule.without->absent_for <= Duration{0}) problem("`without … for` no time");
      if (rule.within) problem("`without … for` with `within`");
      if (!last_absences(rule).empty()) problem("`without … for` with a last absence");
    }
  }
  for (const Exception& exception : rule.exceptions) {
    if (exception.condition) {
      exprs_.check_condition(*exception.condition, scope);
    } else {
      problem("`except` without a condition");
    }
  }
  check_selection(rule);
  check_suppression(rule);
}

void RuleValidator::check_alert(const Rule& rule) {
  const Scope scope = rule_scope(rule);
  if (rule.severity) {
    exprs_.check_expr(*rule.severity, scope);
    if (!(rule.severity->type == severity_type())) problem("severity is no severity");
  }
  for (const MessagePart& part : rule.message) {
    if (part.expr) exprs_.check_expr(*part.expr, scope);
  }
  std::set<std::string> fields;
  for (const AlertField& field : rule.fields) {
    if (!fields.insert(field.name).second) problem("two alert fields named `{}`", field.name);
    if (field.expr) {
      exprs_.check_expr(*field.expr, scope);
    } else {
      problem("alert field `{}` without a value", field.name);
    }
  }
  for (std::size_t i = 0; i < rule.captured.size(); ++i) {
    const Captured& captured = rule.captured[i];
    if (i > 0 && rule.captured[i - 1].type >= captured.type)
      problem("captured types do not ascend");
    for (std::size_t j = 0; j < captured.fields.size(); ++j) {
      exprs_.field_at(captured.type, captured.fields[j]);
      if (j > 0 && captured.fields[j - 1] >= captured.fields[j]) {
        problem("captured fields do not ascend");
      }
    }
  }
}

void RuleValidator::check_rule(const Rule& rule) {
  problems_.where = fmt::format("rule `{}`", rule.name);
  if (rule.id.empty()) problem("no id");
  if (rule.status == Status::kDraft) problem("a draft rule is no part of a plan");
  std::set<std::string> names;
  for (const Variable& variable : rule.variables) {
    if (!variable.name.empty() && !names.insert(variable.name).second) {
      problem("two variables named `{}`", variable.name);
    }
  }
  exprs_.check_subsets(rule.considered, &rule.key);
  exprs_.check_key(rule.key, ExpressionValidator::types_of(rule.considered));
  check_pattern(rule);
  check_clauses(rule);
  check_alert(rule);
}

// No rule reads its own alerts, whatever lies between.
void RuleValidator::check_rule_order() {
  problems_.where = "plan";
  std::vector<int> state(plan_.rules.size(), 0);  // 1: being looked at, 2: done
  bool found = false;
  const auto look = [&](const auto& self, std::size_t index) -> void {
    if (state[index] == 2 || found) return;
    if (state[index] == 1) {
      problem("rule `{}` reads its own alerts", plan_.rules[index].name);
      found = true;
      return;
    }
    state[index] = 1;
    for (const std::size_t read : rules_read_by(plan_, plan_.rules[index])) self(self, read);
    state[index] = 2;
  };
  for (std::size_t i = 0; i < plan_.rules.size(); ++i) look(look, i);
}
}  // namespace tocsin::cep

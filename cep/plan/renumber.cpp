#include "cep/plan/renumber.h"

#include <memory>
#include <utility>

namespace tocsin::cep {
namespace {
void for_each_place(std::vector<Element>& elements, const std::function<void(ExprPtr&)>& visit) {
  for (Element& element : elements) {
    if (EventTest* const test = element.test()) visit(test->where);
    if (Step* const step = element.step()) visit(step->until_where);
    if (Group* const group = element.group()) for_each_place(group->children, visit);
  }
}
void for_each_kinds(std::vector<Element>& elements,
                    const std::function<void(std::vector<Subset>&)>& visit) {
  for (Element& element : elements) {
    if (EventTest* const test = element.test()) visit(test->events);
    if (Step* const step = element.step()) visit(step->until_events);
    if (Group* const group = element.group()) for_each_kinds(group->children, visit);
  }
}
}  // namespace

void for_each_place(Rule& rule, const std::function<void(ExprPtr&)>& visit) {
  for_each_place(rule.pattern, visit);
  if (rule.window) visit(rule.window->where);
  if (rule.without) visit(rule.without->where);
  for (Exception& exception : rule.exceptions) visit(exception.condition);
  visit(rule.having);
  visit(rule.severity);
  if (auto* const per = rule.suppression.as<OncePerUnit>()) visit(per->zone);
  if (auto* const quiet = rule.suppression.as<OnceWhile>()) visit(quiet->condition);
  for (ExprPtr& expr : rule.suppression.for_each) visit(expr);
  if (rule.suppression.at_most) {
    for (ExprPtr& expr : rule.suppression.at_most->for_each) visit(expr);
  }
  for (MessagePart& part : rule.message) visit(part.expr);
  for (AlertField& field : rule.fields) visit(field.expr);
}

void for_each_place(Feature& feature, const std::function<void(ExprPtr&)>& visit) {
  visit(feature.argument);
  visit(feature.where);
  std::visit(
      [&](auto& range) {
        if constexpr (requires { range.where; }) visit(range.where);
        if constexpr (requires { range.zone; }) visit(range.zone);
      },
      feature.window.range);
}

void for_each_kinds(Rule& rule, const std::function<void(std::vector<Subset>&)>& visit) {
  for_each_kinds(rule.pattern, visit);
  if (rule.window) visit(rule.window->events);
  if (rule.without) visit(rule.without->events);
  visit(rule.considered);
}

bool Renumbering::change(Payload& payload) const {
  bool changed = false;
  const auto set = [&](auto& number, auto next) {
    changed = changed || number != next;
    number = next;
  };
  const auto set_field = [&](FieldRef& field) {
    for (auto& [type, index] : field.by_type) set(type, of(type));
  };
  if (auto* const read = std::get_if<FieldRead>(&payload)) set_field(read->field);
  if (auto* const bound = std::get_if<BoundField>(&payload)) set_field(bound->field);
  if (auto* const test = std::get_if<KindTest>(&payload)) {
    for (EventTypeIndex& type : test->types) set(type, of(type));
  }
  if (auto* const read = std::get_if<FeatureRead>(&payload)) {
    set(read->feature, numbers_.features.at(read->feature));
  }
  if (auto* const lookup = std::get_if<ListLookup>(&payload)) {
    set(lookup->list, numbers_.lists.at(lookup->list));
  }
  if (auto* const read = std::get_if<ColumnRead>(&payload)) {
    set(read->table, numbers_.tables.at(read->table));
  }
  return changed;
}

ExprPtr Renumbering::renumbered(const ExprPtr& expr) {
  if (!expr) return nullptr;
  if (const auto done = done_.find(expr); done != done_.end()) return done->second;
  Expr copy = *expr;
  bool changed = change(copy.payload);
  for (ExprPtr& arg : copy.args) {
    ExprPtr next = renumbered(arg);
    changed = changed || next != arg;
    arg = std::move(next);
  }
  ExprPtr made = changed ? std::make_shared<const Expr>(std::move(copy)) : expr;
  done_.emplace(expr, made);
  return made;
}

void Renumbering::apply(std::vector<Subset>& kinds) {
  for (Subset& subset : kinds) {
    subset.type = of(subset.type);
    subset.condition = renumbered(subset.condition);
  }
}

void Renumbering::apply(KeySpec& key) const {
  for (KeyPart& part : key.parts) {
    for (KeyMember& member : part.members) member.type = of(member.type);
  }
}

void Renumbering::apply(Rule& rule) {
  for_each_place(rule, [&](ExprPtr& expr) { expr = renumbered(expr); });
  for_each_kinds(rule, [&](std::vector<Subset>& kinds) { apply(kinds); });
  apply(rule.key);
  for (Captured& captured : rule.captured) captured.type = of(captured.type);
}

void Renumbering::apply(Feature& feature) {
  for_each_place(feature, [&](ExprPtr& expr) { expr = renumbered(expr); });
  apply(feature.events);
  apply(feature.key);
  if (feature.unless_alerted_by) {
    feature.unless_alerted_by = numbers_.rules.at(*feature.unless_alerted_by);
  }
}

void Renumbering::apply(EventType& type) {
  for (Field& field : type.fields) field.computed = renumbered(field.computed);
  if (type.alert_of) type.alert_of = numbers_.rules.at(*type.alert_of);
  for (RuleIndex& rule : type.any_alert_of) rule = numbers_.rules.at(rule);
}
}  // namespace tocsin::cep

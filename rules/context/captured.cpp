#include "rules/context/captured.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "cep/plan/plan.h"

namespace tocsin::rules {
namespace {
using Visit = std::function<void(const cep::Expr&)>;

void walk(const cep::ExprPtr& expr, const Visit& visit) {
  if (!expr) return;
  visit(*expr);
  for (const cep::ExprPtr& arg : expr->args) walk(arg, visit);
}

void walk(const std::vector<cep::Element>& elements, const Visit& visit) {
  for (const cep::Element& element : elements) {
    walk(element.where(), visit);
    walk(element.until_where(), visit);
    walk(element.children(), visit);
  }
}

// Every expression of the rule; its key has none, and its kinds are all among the considered.
void walk(const cep::Rule& rule, const Visit& visit) {
  walk(rule.pattern, visit);
  for (const cep::Subset& subset : rule.considered) walk(subset.condition, visit);
  if (rule.window) walk(rule.window->where, visit);
  if (rule.without) walk(rule.without->where, visit);
  for (const cep::Exception& exception : rule.exceptions) walk(exception.condition, visit);
  walk(rule.suppression.condition(), visit);
  walk(rule.suppression.zone(), visit);
  for (const cep::ExprPtr& expr : rule.suppression.for_each) walk(expr, visit);
  if (rule.suppression.at_most) {
    for (const cep::ExprPtr& expr : rule.suppression.at_most->for_each) walk(expr, visit);
  }
  walk(rule.having, visit);
  walk(rule.severity, visit);
  for (const cep::MessagePart& part : rule.message) walk(part.expr, visit);
  for (const cep::AlertField& field : rule.fields) walk(field.expr, visit);
}
}  // namespace

std::vector<cep::Captured> captured_fields(const cep::Plan& plan, const cep::Rule& rule) {
  std::map<cep::EventTypeIndex, std::set<cep::FieldIndex>> kept;
  for (const cep::Subset& subset : rule.considered) kept[subset.type];
  const auto keep = [&](cep::EventTypeIndex type, cep::FieldIndex field) {
    const auto found = kept.find(type);
    if (found != kept.end()) found->second.insert(field);
  };
  for (auto& [type, fields] : kept) {
    const std::vector<cep::Field>& declared = plan.event_types[type.value].fields;
    for (std::size_t i = 0; i < declared.size(); ++i) {
      if (declared[i].evidence) fields.insert(cep::FieldIndex(i));
    }
  }
  walk(rule, [&](const cep::Expr& expr) {
    if (expr.op != cep::Op::kField && expr.op != cep::Op::kBound && expr.op != cep::Op::kPrev)
      return;
    for (const auto& [type, field] : field_of(expr)->by_type) keep(type, field);
  });
  std::vector<cep::Captured> captured;
  for (const auto& [type, fields] : kept) {
    if (!fields.empty()) captured.push_back({type, {fields.begin(), fields.end()}});
  }
  return captured;
}
}  // namespace tocsin::rules

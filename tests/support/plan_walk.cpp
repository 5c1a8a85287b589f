#include "tests/support/plan_walk.h"

#include <algorithm>
#include <memory>
#include <set>

#include "cep/plan/feature.h"
#include "cep/plan/renumber.h"

namespace tocsin::tests {
using cep::Element;
using cep::Expr;
using cep::ExprPtr;
using cep::Rule;

namespace {
void walk_subsets(const std::vector<cep::Subset>& subsets, const ExprVisit& visit) {
  for (const cep::Subset& subset : subsets) walk(subset.condition, visit);
}

}  // namespace

void walk(const ExprPtr& expr, const ExprVisit& visit) {
  if (!expr) return;
  visit(*expr);
  for (const ExprPtr& arg : expr->args) walk(arg, visit);
}

void walk(const std::vector<Element>& elements, const ExprVisit& visit) {
  walk_elements(elements, [&](const Element& element) {
    walk_subsets(element.events(), visit);
    walk(element.where(), visit);
    walk_subsets(element.until_events(), visit);
    walk(element.until_where(), visit);
  });
}

void walk(const Rule& rule, const ExprVisit& visit) {
  Rule copy = rule;
  cep::for_each_place(copy, [&](const ExprPtr& expr) { walk(expr, visit); });
  walk_subsets(rule.considered, visit);
}

void walk(const cep::Feature& feature, const ExprVisit& visit) {
  walk_subsets(feature.events, visit);
  walk(feature.argument, visit);
  walk(feature.window.where(), visit);
  walk(feature.where, visit);
  walk(feature.window.zone(), visit);
}

ExprPtr rewritten(const ExprPtr& expr, const ExprChange& change) {
  if (!expr) return nullptr;
  auto copy = std::make_shared<Expr>(*expr);
  for (ExprPtr& arg : copy->args) arg = rewritten(arg, change);
  change(*copy);
  return copy;
}

void rewrite(Rule& rule, const ExprChange& change) {
  cep::for_each_place(rule, [&](ExprPtr& expr) { expr = rewritten(expr, change); });
}

void KindRewrite::operator()(std::vector<cep::Subset>& subsets) {
  for (cep::Subset& subset : subsets) {
    if (!subset.condition) continue;
    ExprPtr& made = done_[subset.condition];
    if (!made) made = rewritten(subset.condition, change_);
    subset.condition = made;
  }
}

void walk_elements(const std::vector<Element>& elements,
                   const std::function<void(const Element&)>& visit) {
  for (const Element& element : elements) {
    visit(element);
    walk_elements(element.children(), visit);
  }
}
void walk_elements(std::vector<Element>& elements, const std::function<void(Element&)>& visit) {
  for (Element& element : elements) {
    visit(element);
    if (cep::Group* const group = element.group()) walk_elements(group->children, visit);
  }
}

bool can_be_empty(const Element& element) {
  if (element.is_optional() || element.is_absence()) return true;
  if (element.is_step()) return false;
  return element.kind() == cep::ElementKind::kOneOf
             ? std::any_of(element.children().begin(), element.children().end(), can_be_empty)
             : std::all_of(element.children().begin(), element.children().end(), can_be_empty);
}

void set_captured(const cep::Plan& plan, Rule& rule) {
  std::set<std::pair<cep::EventTypeIndex, cep::FieldIndex>> kept;
  for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
    const std::vector<cep::Field>& fields = plan.event_types[t].fields;
    for (std::size_t f = 0; f < fields.size(); ++f) {
      if (fields[f].evidence) kept.insert({cep::EventTypeIndex(t), cep::FieldIndex(f)});
    }
  }
  walk(rule, [&](const Expr& expr) {
    const cep::FieldRef* const ref = field_of(expr);
    if (ref != nullptr) kept.insert(ref->by_type.begin(), ref->by_type.end());
  });
  std::set<cep::EventTypeIndex> types;
  for (const cep::Subset& subset : rule.considered) types.insert(subset.type);
  rule.captured.clear();
  for (const cep::EventTypeIndex type : types) {
    cep::Captured captured{type, {}};
    for (const auto& [owner, field] : kept) {
      if (owner == type) captured.fields.push_back(field);
    }
    if (!captured.fields.empty()) rule.captured.push_back(std::move(captured));
  }
}
}  // namespace tocsin::tests

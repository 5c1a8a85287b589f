#include "cep/plan/expr_walk.h"

#include <algorithm>
#include <utility>

#include "cep/plan/feature.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
void for_each_expr(const Expr& expr, const std::function<void(const Expr&)>& visit) {
  visit(expr);
  for (const ExprPtr& arg : expr.args) {
    if (arg) for_each_expr(*arg, visit);
  }
}
bool any_expr(const Expr& expr, const std::function<bool(const Expr&)>& test) {
  if (test(expr)) return true;
  return std::any_of(expr.args.begin(), expr.args.end(),
                     [&](const ExprPtr& arg) { return arg && any_expr(*arg, test); });
}
bool reads_variable(const Expr& expr) { return variable_of(expr) != nullptr; }
bool reads_run(const Expr& expr) {
  return any_expr(expr, [](const Expr& e) { return e.op == Op::kPrev || reads_variable(e); });
}
bool reads_features_of_steps(const Rule& rule) {
  const std::vector<const Expr*> exprs = all_exprs(rule);
  return std::any_of(exprs.begin(), exprs.end(), [](const Expr* expr) {
    return any_expr(*expr, [](const Expr& e) { return e.op == Op::kBound && !e.args.empty(); });
  });
}
bool reads_key_state(const Expr& expr) {
  return any_expr(expr, [](const Expr& e) { return e.op == Op::kFeature || e.op == Op::kKey; });
}
bool mentions_own_past(const Expr& expr, VarIndex own) {
  return any_expr(expr, [own](const Expr& e) {
    const auto* const bound = std::get_if<BoundField>(&e.payload);
    return e.op == Op::kPrev ||
           (bound != nullptr && bound->var == own && bound->which == Which::kFirst);
  });
}
ExprPtr own_event_to_current(const ExprPtr& expr, VarIndex own) {
  const auto* const bound = std::get_if<BoundField>(&expr->payload);
  if (bound != nullptr && bound->var == own && bound->which != Which::kFirst) {
    if (!expr->args.empty()) return expr->args[0];
    return std::make_shared<const Expr>(Expr{Op::kField, expr->type, {}, FieldRead{bound->field}});
  }
  // Inside these the current event is an element of the loop.
  if (expr->op == Op::kAggregate || expr->op == Op::kInLoop) return expr;
  Expr copy = *expr;
  bool changed = false;
  for (ExprPtr& arg : copy.args) {
    ExprPtr next = own_event_to_current(arg, own);
    changed = changed || next != arg;
    arg = std::move(next);
  }
  return changed ? std::make_shared<const Expr>(std::move(copy)) : expr;
}
void split_conjuncts(const ExprPtr& expr, std::vector<ExprPtr>& out) {
  if (!expr) return;
  if (expr->op != Op::kAnd) {
    out.push_back(expr);
    return;
  }
  for (const ExprPtr& arg : expr->args) split_conjuncts(arg, out);
}

std::vector<const Expr*> decision_exprs(const Rule& rule) {
  std::vector<const Expr*> out;
  const auto add = [&](const ExprPtr& expr) {
    if (expr) out.push_back(expr.get());
  };
  if (rule.window) add(rule.window->where);
  add(rule.having);
  for (const Exception& exception : rule.exceptions) add(exception.condition);
  add(rule.suppression.zone());
  for (const ExprPtr& part : rule.suppression.for_each) add(part);
  if (rule.suppression.at_most) {
    for (const ExprPtr& part : rule.suppression.at_most->for_each) add(part);
  }
  return out;
}
std::vector<const Expr*> alert_exprs(const Rule& rule) {
  std::vector<const Expr*> out = decision_exprs(rule);
  const auto add = [&](const ExprPtr& expr) {
    if (expr) out.push_back(expr.get());
  };
  add(rule.severity);
  for (const MessagePart& part : rule.message) add(part.expr);
  for (const AlertField& field : rule.fields) add(field.expr);
  return out;
}
namespace {
void add_conditions(const std::vector<Element>& elements, std::vector<const Expr*>& out) {
  for (const Element& element : elements) {
    if (element.where()) out.push_back(element.where().get());
    if (element.until_where()) out.push_back(element.until_where().get());
    add_conditions(element.children(), out);
  }
}
}  // namespace
std::vector<const Expr*> condition_exprs(const Rule& rule) {
  std::vector<const Expr*> out;
  add_conditions(rule.pattern, out);
  if (rule.without && rule.without->where) out.push_back(rule.without->where.get());
  return out;
}
std::vector<const Expr*> all_exprs(const Rule& rule) {
  std::vector<const Expr*> out = alert_exprs(rule);
  const std::vector<const Expr*> conditions = condition_exprs(rule);
  out.insert(out.end(), conditions.begin(), conditions.end());
  if (rule.suppression.condition()) out.push_back(rule.suppression.condition().get());
  return out;
}
namespace {
void for_each_kinds_in(const std::vector<Element>& elements,
                       const std::function<void(const std::vector<Subset>&)>& visit) {
  for (const Element& element : elements) {
    if (!element.events().empty()) visit(element.events());
    if (!element.until_events().empty()) visit(element.until_events());
    for_each_kinds_in(element.children(), visit);
  }
}
}  // namespace

void for_each_kinds(const Rule& rule,
                    const std::function<void(const std::vector<Subset>&)>& visit) {
  for_each_kinds_in(rule.pattern, visit);
  if (rule.without) visit(rule.without->events);
  if (rule.window) visit(rule.window->events);
  visit(rule.considered);
}
std::vector<const Expr*> feature_exprs(const Feature& feature) {
  std::vector<const Expr*> out;
  for (const ExprPtr& expr :
       {feature.window.where(), feature.where, feature.argument, feature.window.zone()}) {
    if (expr) out.push_back(expr.get());
  }
  return out;
}
std::set<FeatureIndex> features_read(const std::vector<const Expr*>& exprs) {
  std::set<FeatureIndex> out;
  for (const Expr* expr : exprs) {
    for_each_expr(*expr, [&](const Expr& e) {
      if (e.op == Op::kFeature) out.insert(feature_of(e));
    });
  }
  return out;
}

bool keeps_total(const Expr& aggregate) {
  for (const ExprPtr& arg : aggregate.args) {
    if (arg && (reads_run(*arg) || reads_key_state(*arg))) return false;
  }
  const TypeKind kind =
      aggregate.args.empty() || !aggregate.args[0] ? TypeKind::kInt : aggregate.args[0]->type.kind;
  const bool is_number = kind == TypeKind::kInt || kind == TypeKind::kDecimal;
  switch (aggregate.as<VariableAggregate>().aggregate) {
    case Aggregate::kCount:
      return true;
    case Aggregate::kSum:
    case Aggregate::kAvg:
      return is_number;
    case Aggregate::kMin:
    case Aggregate::kMax:
      return is_number || kind == TypeKind::kTime || kind == TypeKind::kDate ||
             kind == TypeKind::kDuration;
    default:
      return false;
  }
}
}  // namespace tocsin::cep

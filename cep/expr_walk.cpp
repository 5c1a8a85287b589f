#include "cep/expr_walk.h"

#include <algorithm>
#include <utility>

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
bool reads_run(const Expr& expr) {
  return any_expr(expr, [](const Expr& e) {
    return e.op == Op::kBound || e.op == Op::kPrev || e.op == Op::kAggregate ||
           e.op == Op::kInLoop || e.op == Op::kIsBound;
  });
}
bool reads_key_state(const Expr& expr) {
  return any_expr(expr, [](const Expr& e) { return e.op == Op::kFeature || e.op == Op::kKey; });
}
bool mentions_own_past(const Expr& expr, VarIndex own) {
  return any_expr(expr, [own](const Expr& e) {
    return e.op == Op::kPrev || (e.op == Op::kBound && e.var == own && e.which == Which::kFirst);
  });
}
ExprPtr own_event_to_current(const ExprPtr& expr, VarIndex own) {
  if (expr->op == Op::kBound && expr->var == own && expr->which != Which::kFirst) {
    Expr field = *expr;
    field.op = Op::kField;
    return std::make_shared<const Expr>(std::move(field));
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

std::vector<const Expr*> alert_exprs(const Rule& rule) {
  std::vector<const Expr*> out;
  const auto add = [&](const ExprPtr& expr) {
    if (expr) out.push_back(expr.get());
  };
  if (rule.window) add(rule.window->where);
  add(rule.having);
  add(rule.severity);
  for (const MessagePart& part : rule.message) add(part.expr);
  for (const AlertField& field : rule.fields) add(field.expr);
  return out;
}
std::vector<const Expr*> all_exprs(const Rule& rule) {
  std::vector<const Expr*> out = alert_exprs(rule);
  for (const Element& element : rule.pattern) {
    if (element.where) out.push_back(element.where.get());
  }
  return out;
}
namespace {
void for_each_kinds_in(const std::vector<Element>& elements,
                       const std::function<void(const std::vector<Subset>&)>& visit) {
  for (const Element& element : elements) {
    if (!element.events.empty()) visit(element.events);
    if (!element.until_events.empty()) visit(element.until_events);
    for_each_kinds_in(element.children, visit);
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
  for (const ExprPtr& expr : {feature.where, feature.argument, feature.window.zone}) {
    if (expr) out.push_back(expr.get());
  }
  return out;
}
std::set<FeatureIndex> features_read(const std::vector<const Expr*>& exprs) {
  std::set<FeatureIndex> out;
  for (const Expr* expr : exprs) {
    for_each_expr(*expr, [&](const Expr& e) {
      if (e.op == Op::kFeature) out.insert(e.feature);
    });
  }
  return out;
}

}  // namespace tocsin::cep

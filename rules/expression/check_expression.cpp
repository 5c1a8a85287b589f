#include "rules/expression/check_expression.h"

#include <fmt/format.h>

#include <utility>

#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/expression_parts.h"
#include "rules/lint/literal_warnings.h"

namespace tocsin::rules {
using cep::ExprPtr;
using cep::Op;
using cep::Type;
using cep::TypeKind;
using tree::ExprKind;

namespace {
const Type& bool_type() {
  static const Type kBool = plain_type(TypeKind::kBool);
  return kBool;
}

// `min(a, b)`: of several values, no aggregate.
bool is_extreme_of_values(const tree::AggregateCall& call) {
  return (call.name == cep::Aggregate::kMin || call.name == cep::Aggregate::kMax) &&
         !call.params.empty() && call.argument && !call.of && !call.where && !call.over &&
         call.params.front().form == tree::AggregateParamForm::kExpr;
}

void add_conjuncts(const ExprContext& c, const tree::Expr& expr, Condition& condition) {
  if (expr.kind == ExprKind::kAnd) {
    for (const tree::ExprPtr& arg : expr.args) add_conjuncts(c, *arg, condition);
    return;
  }
  Checked part = check_bool(c, expr);
  if (part) {
    c.context.written.emplace(part.expr.get(), WrittenCondition{part.expr, expr.span});
    condition.conjuncts.push_back({std::move(part.expr), expr.span});
  } else {
    condition.broken = true;
  }
}

// `country = "SE" or "NO"`: what to write instead; empty where it is not that.
std::string advice_for_values(const ExprContext& c, const tree::Expr& chain) {
  std::string values;
  const tree::Expr* first = chain.args.front().get();
  const bool equal = first->kind == ExprKind::kEqual || first->kind == ExprKind::kNotEqual;
  if (!equal || chain.args.size() < 2) return {};
  for (const tree::ExprPtr& arg : chain.args) {
    const tree::Expr& value = arg.get() == first ? *first->args[1] : *arg;
    if (value.kind != ExprKind::kLiteral && value.kind != ExprKind::kName) return {};
    values += (values.empty() ? "" : ", ") + written_at(c.context.sources, value.span);
  }
  return fmt::format("write `{} {} [{}]`", written_at(c.context.sources, first->args[0]->span),
                     first->kind == ExprKind::kEqual ? "in" : "not in", values);
}

Checked check_logic(const ExprContext& c, const tree::Expr& expr, Op op) {
  std::vector<ExprPtr> args;
  bool broken = false;
  bool told = false;
  for (const tree::ExprPtr& arg : expr.args) {
    const bool literal = arg->kind == ExprKind::kLiteral;
    const std::string advice =
        literal && op == Op::kOr ? advice_for_values(c, expr) : std::string();
    if (!advice.empty() && std::exchange(told, true)) continue;  // one mistake, several values
    Checked part = check_bool(c, *arg, advice);
    broken = broken || !part;
    if (!part) continue;
    if (part.expr->op == op) {
      args.insert(args.end(), part.expr->args.begin(), part.expr->args.end());
    } else {
      args.push_back(std::move(part.expr));
    }
  }
  if (broken) return error_type(c, expr);
  return checked(expr, operator_expr(op, bool_type(), std::move(args)));
}

// A regular expression, an event, a row or a list where a value is needed.
void report_no_value(const ExprContext& c, const tree::Expr& expr) {
  Diagnostic diagnostic;
  if (expr.kind == ExprKind::kRegex) {
    diagnostic =
        make_diagnostic(Code::kE0315, expr.span, "a regular expression where a value is needed",
                        "it is written after `matches`");
  } else if (expr.kind == ExprKind::kPrev) {
    diagnostic = make_diagnostic(Code::kE0406, expr.span, "`prev` is an event, not a value");
    diagnostic.helps.push_back("name one of its fields: `prev.amount`");
  } else if (expr.kind == ExprKind::kIndex) {
    diagnostic = make_diagnostic(Code::kE0310, expr.span, "a row where a value is needed",
                                 "name one of its columns: `[…].column`");
  } else {
    diagnostic = make_diagnostic(Code::kE0310, expr.span, "a list where a value is needed",
                                 "a list is written after `in`");
  }
  c.context.sink.report(std::move(diagnostic));
}
}  // namespace

Checked check_expr(const ExprContext& c, const tree::Expr& expr, const Type* words) {
  switch (expr.kind) {
    case ExprKind::kError:
      return error_type(c, expr);
    case ExprKind::kLiteral:
      return check_literal(c, expr, words);
    case ExprKind::kName:
      return check_name(c, expr, words);
    case ExprKind::kMember:
      return check_member(c, expr);
    case ExprKind::kCall:
      if (ValueSymbol* feature = called_feature(c, expr))
        return read_feature_under(c, expr, *feature);
      return check_call(c, expr, words);
    case ExprKind::kRegex:
    case ExprKind::kPrev:
    case ExprKind::kIndex:
    case ExprKind::kList:
      report_no_value(c, expr);
      return error_type(c, expr);
    case ExprKind::kAggregate:
      if (is_extreme_of_values(*expr.aggregate)) return check_extreme(c, expr, words);
      return check_aggregate(c, expr);
    case ExprKind::kNot: {
      const Checked operand = check_bool(c, *expr.args[0]);
      if (!operand) return error_type(c, expr);
      return checked(expr, operator_expr(Op::kNot, bool_type(), {operand.expr}));
    }
    case ExprKind::kNegate:
      return check_negation(c, expr);
    case ExprKind::kAnd:
      return check_logic(c, expr, Op::kAnd);
    case ExprKind::kOr:
      return check_logic(c, expr, Op::kOr);
    case ExprKind::kAdd:
      return check_arithmetic(c, expr, Op::kAdd);
    case ExprKind::kSubtract:
      return check_arithmetic(c, expr, Op::kSubtract);
    case ExprKind::kMultiply:
      return check_arithmetic(c, expr, Op::kMultiply);
    case ExprKind::kDivide:
      return check_arithmetic(c, expr, Op::kDivide);
    case ExprKind::kModulo:
      return check_arithmetic(c, expr, Op::kModulo);
    case ExprKind::kEqual:
      return check_comparison(c, expr, Op::kEqual);
    case ExprKind::kNotEqual:
      return check_comparison(c, expr, Op::kNotEqual);
    case ExprKind::kLess:
      return check_comparison(c, expr, Op::kLess);
    case ExprKind::kLessEqual:
      return check_comparison(c, expr, Op::kLessEqual);
    case ExprKind::kGreater:
      return check_comparison(c, expr, Op::kGreater);
    case ExprKind::kGreaterEqual:
      return check_comparison(c, expr, Op::kGreaterEqual);
    case ExprKind::kBetween:
      return check_between(c, expr);
    case ExprKind::kIn:
      return check_in(c, expr);
    case ExprKind::kNotIn: {
      Checked in = check_in(c, expr);
      if (in) in.expr = operator_expr(Op::kNot, bool_type(), {in.expr});
      return in;
    }
    case ExprKind::kIsMissing:
      return check_presence(c, expr, Op::kIsMissing);
    case ExprKind::kIsKnown:
      return check_presence(c, expr, Op::kIsKnown);
    case ExprKind::kIf:
      return check_if(c, expr, words);
    default:
      return check_search(c, expr);
  }
}

Condition check_condition(const ExprContext& c, const tree::Expr& expr) {
  Condition condition;
  add_conjuncts(c, expr, condition);
  if (!condition.broken) warn_of_literals(c.context, expr);
  return condition;
}

Checked check_bool(const ExprContext& c, const tree::Expr& expr, std::string advice) {
  Checked condition = check_expr(c, expr);
  if (!condition || condition.type().kind == TypeKind::kBool) return condition;
  Diagnostic diagnostic = make_diagnostic(Code::kE0301, expr.span, "a condition is needed here",
                                          type_label(c.context, condition));
  if (!advice.empty()) {
    diagnostic.helps.push_back(std::move(advice));
  } else {
    diagnostic.helps.push_back("a condition is true or false: compare the value with something");
  }
  c.context.sink.report(std::move(diagnostic));
  return error_type(c, expr);
}
}  // namespace tocsin::rules

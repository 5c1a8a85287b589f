#include "rules/expression/check_expression.h"

#include <fmt/format.h>

#include <algorithm>

#include "cep/base/assert.h"
#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
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

// A word of an enum may stand here: how it is read depends on the other operand.
bool may_be_word(const tree::Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kName:
      return true;
    case ExprKind::kLiteral:
      return expr.literal.view().kind == cep::ValueKind::kString;
    case ExprKind::kIf:
      return expr.args.size() == 3 && (may_be_word(*expr.args[1]) || may_be_word(*expr.args[2]));
    case ExprKind::kCall:
      return expr.name.text == "coalesce" &&
             std::ranges::any_of(expr.args, [](const auto& arg) { return may_be_word(*arg); });
    default:
      return false;
  }
}

// `min(a, b)`: of several values, no aggregate.
bool is_extreme_of_values(const tree::AggregateCall& call) {
  return (call.name == cep::Aggregate::kMin || call.name == cep::Aggregate::kMax) &&
         !call.params.empty() && call.argument && !call.of && !call.where && !call.over &&
         call.params.front().form == tree::AggregateParamForm::kExpr;
}

const char* arithmetic_verb(Op op) {
  switch (op) {
    case Op::kAdd:
      return "add";
    case Op::kSubtract:
      return "subtract";
    case Op::kMultiply:
      return "multiply";
    case Op::kDivide:
      return "divide";
    default:
      return "take the remainder of";
  }
}

bool is_string_literal(const Checked& checked) {
  return checked.expr->op == Op::kLiteral && checked.type().kind == TypeKind::kString;
}

// What to write instead, where two operands cannot be compared.
std::string comparison_advice(const Checked& a, const Checked& b) {
  const auto is = [](const Checked& c, TypeKind kind) { return c.type().kind == kind; };
  for (const auto& [x, y] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    if (is_number(x->type()) && is_string_literal(*y)) {
      const std::string text(literal_of(*y->expr).text);
      const bool numeric = !text.empty() && text.find_first_not_of("0123456789.") == text.npos;
      return numeric ? fmt::format("a number stands without quotes: `{}`", text) : "";
    }
    if (is(*x, TypeKind::kString) && is_number(y->type()) && y->expr->op == Op::kLiteral) {
      return fmt::format("text stands in quotes: `\"{}\"`", cep::to_text(literal_of(*y->expr)));
    }
    if (is(*x, TypeKind::kBool) && !is(*y, TypeKind::kBool))
      return "a bool is compared with `true` or `false`";
    if (is(*x, TypeKind::kTime) && is_string_literal(*y)) {
      return "a time stands without quotes: `2027-01-01T00:00:00Z`";
    }
    if (is(*x, TypeKind::kDate) && is_string_literal(*y)) {
      return "a date stands without quotes: `2027-01-01`";
    }
    if (is(*x, TypeKind::kTime) && is(*y, TypeKind::kDate)) {
      return "a time has a clock and a zone: `2027-01-01T00:00:00Z`";
    }
    if (is(*x, TypeKind::kTime) && is(*y, TypeKind::kDuration)) {
      return "subtract two times to get a duration";
    }
    if (is(*x, TypeKind::kDuration) && is_number(y->type())) {
      if (x->expr->op == Op::kLiteral) {
        return "`m` is minutes: a million is `1_000_000`";
      }
      return "a duration has a unit: `30s`, `10m`, `2h`";
    }
  }
  return "";
}
}  // namespace

std::string type_text(const Type& type) {
  return type.kind == TypeKind::kFraction ? "a quotient" : in_code(cep::type_name(type));
}

std::string type_label(const CheckContext& context, const Checked& checked) {
  std::string text = type_text(checked.type());
  if (checked.declared) text += ", from " + place_text(context.sources, *checked.declared);
  return text;
}

ExprPtr Condition::expr() const {
  std::vector<ExprPtr> parts;
  for (const Conjunct& conjunct : conjuncts) parts.push_back(conjunct.expr);
  return conjunction(std::move(parts));
}

// ---- dispatch

Checked ExpressionChecker::check(const tree::Expr& expr, const Type* words) {
  switch (expr.kind) {
    case ExprKind::kError:
      return error(expr);
    case ExprKind::kLiteral:
      return check_literal(expr, words);
    case ExprKind::kRegex:
      context_.sink.report(make_diagnostic(Code::kE0315, expr.span,
                                           "a regular expression where a value is needed",
                                           "it stands after `matches`"));
      return error(expr);
    case ExprKind::kName:
      return check_name(expr, words);
    case ExprKind::kPrev: {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0406, expr.span, "`prev` is an event, not a value");
      diagnostic.helps.push_back("name one of its fields: `prev.amount`");
      context_.sink.report(std::move(diagnostic));
      return error(expr);
    }
    case ExprKind::kMember:
      return check_member(expr);
    case ExprKind::kIndex:
      context_.sink.report(make_diagnostic(Code::kE0310, expr.span, "a row where a value is needed",
                                           "name one of its columns: `[…].column`"));
      return error(expr);
    case ExprKind::kCall:
      if (ValueSymbol* feature = called_feature(expr)) return read_feature_under(expr, *feature);
      return check_call(expr, words);
    case ExprKind::kList: {
      context_.sink.report(make_diagnostic(
          Code::kE0310, expr.span, "a list where a value is needed", "a list stands after `in`"));
      return error(expr);
    }
    case ExprKind::kAggregate:
      if (is_extreme_of_values(*expr.aggregate)) return check_extreme(expr, words);
      return check_aggregate(expr);
    case ExprKind::kNot: {
      const Checked operand = check_bool(*expr.args[0]);
      if (!operand) return error(expr);
      return checked(expr, operator_expr(Op::kNot, bool_type(), {operand.expr}));
    }
    case ExprKind::kNegate:
      return check_negation(expr);
    case ExprKind::kAnd:
      return check_logic(expr, Op::kAnd);
    case ExprKind::kOr:
      return check_logic(expr, Op::kOr);
    case ExprKind::kAdd:
      return check_arithmetic(expr, Op::kAdd);
    case ExprKind::kSubtract:
      return check_arithmetic(expr, Op::kSubtract);
    case ExprKind::kMultiply:
      return check_arithmetic(expr, Op::kMultiply);
    case ExprKind::kDivide:
      return check_arithmetic(expr, Op::kDivide);
    case ExprKind::kModulo:
      return check_arithmetic(expr, Op::kModulo);
    case ExprKind::kEqual:
      return check_comparison(expr, Op::kEqual);
    case ExprKind::kNotEqual:
      return check_comparison(expr, Op::kNotEqual);
    case ExprKind::kLess:
      return check_comparison(expr, Op::kLess);
    case ExprKind::kLessEqual:
      return check_comparison(expr, Op::kLessEqual);
    case ExprKind::kGreater:
      return check_comparison(expr, Op::kGreater);
    case ExprKind::kGreaterEqual:
      return check_comparison(expr, Op::kGreaterEqual);
    case ExprKind::kBetween:
      return check_between(expr);
    case ExprKind::kIn:
      return check_in(expr);
    case ExprKind::kNotIn: {
      Checked in = check_in(expr);
      if (in) in.expr = operator_expr(Op::kNot, bool_type(), {in.expr});
      return in;
    }
    case ExprKind::kIsMissing:
      return check_presence(expr, Op::kIsMissing);
    case ExprKind::kIsKnown:
      return check_presence(expr, Op::kIsKnown);
    case ExprKind::kIf:
      return check_if(expr, words);
    default:
      return check_search(expr);
  }
}

// ---- conditions

Condition ExpressionChecker::check_condition(const tree::Expr& expr) {
  Condition condition;
  add_conjuncts(expr, condition);
  if (!condition.broken) warn_of_literals(context_, expr);
  return condition;
}

void ExpressionChecker::add_conjuncts(const tree::Expr& expr, Condition& condition) {
  if (expr.kind == ExprKind::kAnd) {
    for (const tree::ExprPtr& arg : expr.args) add_conjuncts(*arg, condition);
    return;
  }
  Checked part = check_bool(expr);
  if (part) {
    context_.written.emplace(part.expr.get(), WrittenCondition{part.expr, expr.span});
    condition.conjuncts.push_back({std::move(part.expr), expr.span});
  } else {
    condition.broken = true;
  }
}

Checked ExpressionChecker::check_bool(const tree::Expr& expr, std::string advice) {
  Checked condition = check(expr);
  if (!condition || condition.type().kind == TypeKind::kBool) return condition;
  Diagnostic diagnostic = make_diagnostic(Code::kE0301, expr.span, "a condition is needed here",
                                          type_label(context_, condition));
  if (!advice.empty()) {
    diagnostic.helps.push_back(std::move(advice));
  } else {
    diagnostic.helps.push_back("a condition is true or false: compare the value with something");
  }
  context_.sink.report(std::move(diagnostic));
  return error(expr);
}

// `country = "SE" or "NO"`: what to write instead; empty where it is not that.
std::string ExpressionChecker::advice_for_values(const tree::Expr& chain) const {
  std::string values;
  const tree::Expr* first = chain.args.front().get();
  const bool equal = first->kind == ExprKind::kEqual || first->kind == ExprKind::kNotEqual;
  if (!equal || chain.args.size() < 2) return {};
  for (const tree::ExprPtr& arg : chain.args) {
    const tree::Expr& value = arg.get() == first ? *first->args[1] : *arg;
    if (value.kind != ExprKind::kLiteral && value.kind != ExprKind::kName) return {};
    values += (values.empty() ? "" : ", ") + written_at(context_.sources, value.span);
  }
  return fmt::format("write `{} {} [{}]`", written_at(context_.sources, first->args[0]->span),
                     first->kind == ExprKind::kEqual ? "in" : "not in", values);
}

Checked ExpressionChecker::check_logic(const tree::Expr& expr, Op op) {
  std::vector<ExprPtr> args;
  bool broken = false;
  bool told = false;
  for (const tree::ExprPtr& arg : expr.args) {
    const bool literal = arg->kind == ExprKind::kLiteral;
    const std::string advice = literal && op == Op::kOr ? advice_for_values(expr) : std::string();
    if (!advice.empty() && std::exchange(told, true)) continue;  // one mistake, several values
    Checked part = check_bool(*arg, advice);
    broken = broken || !part;
    if (!part) continue;
    if (part.expr->op == op) {
      args.insert(args.end(), part.expr->args.begin(), part.expr->args.end());
    } else {
      args.push_back(std::move(part.expr));
    }
  }
  if (broken) return error(expr);
  return checked(expr, operator_expr(op, bool_type(), std::move(args)));
}

// ---- arithmetic

void ExpressionChecker::report_types(Code code, std::string message, SourceSpan at,
                                     const Checked& a, const Checked& b, const char* help) {
  Diagnostic diagnostic = make_diagnostic(code, at, std::move(message));
  if (*help != 0) diagnostic.helps.emplace_back(help);
  diagnostic.labels.push_back({a.span, type_label(context_, a)});
  diagnostic.labels.push_back({b.span, type_label(context_, b)});
  if (code == Code::kE0304) {
    std::string advice = comparison_advice(a, b);
    if (!advice.empty()) diagnostic.helps.push_back(std::move(advice));
  }
  context_.sink.report(std::move(diagnostic));
}

Checked ExpressionChecker::check_arithmetic(const tree::Expr& expr, Op op) {
  Checked a = check(*expr.args[0]);
  Checked b = check(*expr.args[1]);
  if (!a || !b) return error(expr);
  const Typing typing = type_arithmetic(op, a.type(), b.type());
  switch (typing.problem) {
    case TypingProblem::kUndefined:
      if (op == Op::kAdd && is_text(a.type()) && is_text(b.type())) {
        return checked(expr, joined_texts({a.expr, b.expr}));
      }
      report_types(
          Code::kE0302,
          fmt::format("cannot {} {} and {}", arithmetic_verb(op), type_text(a.type()),
                      type_text(b.type())),
          expr.op_span, a, b,
          op == Op::kAdd && (is_text(a.type()) || is_text(b.type())) ? help_for_joining() : "");
      return error(expr);
    case TypingProblem::kScale:
      report_types(Code::kE0303,
                   fmt::format("the result has {} digits after the point, a decimal at most {}",
                               typing.scale, cep::kScaleMax),
                   expr.op_span, a, b);
      return error(expr);
    case TypingProblem::kNone:
      break;
  }
  if (typing.as_floats) {
    a.expr = widened(a.expr, typing.type);
    b.expr = widened(b.expr, typing.type);
  }
  return checked(expr, operator_expr(op, typing.type, {a.expr, b.expr}));
}

Checked ExpressionChecker::check_negation(const tree::Expr& expr) {
  Checked operand = check(*expr.args[0]);
  if (!operand) return error(expr);
  if (!is_number(operand.type()) && operand.type().kind != TypeKind::kDuration) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0302, expr.op_span, "cannot negate " + type_text(operand.type()));
    diagnostic.labels.push_back({operand.span, type_label(context_, operand)});
    context_.sink.report(std::move(diagnostic));
    return error(expr);
  }
  return checked(expr, negated(operand.expr));
}

// ---- comparisons

std::optional<Type> ExpressionChecker::peek_enum(const tree::Expr& expr) const {
  switch (expr.kind) {
    case ExprKind::kName: {
      if (const std::optional<Checked> key = find_key(expr.name, expr.span)) {
        if (*key && key->type().kind == TypeKind::kEnum) return key->type();
        return std::nullopt;
      }
      const FieldLookup field =
          look_up_field(context_, scope_.types, scope_.types_broken, expr.name.text);
      if (field.presence == FieldPresence::kEverywhere && field.type.kind == TypeKind::kEnum) {
        return field.type;
      }
      return std::nullopt;
    }
    case ExprKind::kIf:
      if (auto found = peek_enum(*expr.args[1])) return found;
      return peek_enum(*expr.args[2]);
    case ExprKind::kCall:
      for (const tree::ExprPtr& arg : expr.args) {
        if (auto found = peek_enum(*arg)) return found;
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

ExpressionChecker::Operands ExpressionChecker::check_operands(const tree::Expr& a,
                                                              const tree::Expr& b) {
  // The operand that is surely no word says which words the other one may be.
  const bool a_first = !may_be_word(a) || (may_be_word(b) && (peek_enum(a) || !peek_enum(b)));
  const tree::Expr& first_tree = a_first ? a : b;
  const tree::Expr& second_tree = a_first ? b : a;
  Checked first = check(first_tree);
  Checked second;
  if (!first && second_tree.kind == ExprKind::kName) {
    // It may be a word of an enum that is not known now.
    second = error(second_tree);
  } else {
    const bool words = first && first.type().kind == TypeKind::kEnum;
    second = check(second_tree, words ? &first.type() : nullptr);
  }
  if (a_first) return {std::move(first), std::move(second)};
  return {std::move(second), std::move(first)};
}

Checked ExpressionChecker::check_comparison(const tree::Expr& expr, Op op) {
  auto [a, b] = check_operands(*expr.args[0], *expr.args[1]);
  if (!a || !b) return error(expr);
  const Typing typing = type_comparison(op, a.type(), b.type());
  if (typing.problem != TypingProblem::kNone) {
    const bool same = a.type() == b.type();
    report_types(
        Code::kE0304,
        same ? fmt::format("{} has no order", type_text(a.type()))
             : fmt::format("cannot compare {} with {}", type_text(a.type()), type_text(b.type())),
        expr.op_span, a, b);
    return error(expr);
  }
  if (typing.as_floats) {
    a.expr = widened(a.expr, plain_type(TypeKind::kFloat));
    b.expr = widened(b.expr, plain_type(TypeKind::kFloat));
  } else if (op == Op::kEqual || op == Op::kNotEqual) {
    for (const auto& [x, y] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      if (y->expr->op != Op::kLiteral || x->expr->op == Op::kLiteral) continue;
      warn_of_digits(context_, x->type(), literal_of(*y->expr), y->span);
    }
  }
  return checked(expr, operator_expr(op, bool_type(), {a.expr, b.expr}));
}

Checked ExpressionChecker::check_between(const tree::Expr& expr) {
  Checked value = check(*expr.args[0]);
  const bool words = value && value.type().kind == TypeKind::kEnum;
  Checked low = check(*expr.args[1], words ? &value.type() : nullptr);
  Checked high = check(*expr.args[2], words ? &value.type() : nullptr);
  if (!value || !low || !high) return error(expr);
  bool floats = false;
  for (const Checked* bound : {&low, &high}) {
    const Typing typing = type_comparison(Op::kBetween, value.type(), bound->type());
    if (typing.problem != TypingProblem::kNone) {
      report_types(Code::kE0304,
                   fmt::format("cannot compare {} with {}", type_text(value.type()),
                               type_text(bound->type())),
                   expr.op_span, value, *bound);
      return error(expr);
    }
    floats = floats || typing.as_floats;
  }
  if (floats) {
    for (Checked* operand : {&value, &low, &high}) {
      operand->expr = widened(operand->expr, plain_type(TypeKind::kFloat));
    }
  }
  return checked(expr, operator_expr(Op::kBetween, bool_type(), {value.expr, low.expr, high.expr}));
}

Checked ExpressionChecker::check_presence(const tree::Expr& expr, Op op) {
  if (const auto step = find_step_alone(*expr.args[0])) {
    return check_step_presence(expr, *step, op == Op::kIsKnown);
  }
  const Checked operand = check(*expr.args[0]);
  if (!operand) return error(expr);
  return checked(expr, operator_expr(op, bool_type(), {operand.expr}));
}

// ---- if and functions

std::vector<Checked> ExpressionChecker::check_together(const std::vector<const tree::Expr*>& exprs,
                                                       const Type* words) {
  // Where no enum is expected from outside, one of them may say which it is.
  std::optional<Type> own;
  for (const tree::Expr* expr : exprs) {
    if (!words && !own) own = peek_enum(*expr);
  }
  std::vector<Checked> all;
  all.reserve(exprs.size());
  for (const tree::Expr* expr : exprs) all.push_back(check(*expr, own ? &*own : words));
  return all;
}

Checked ExpressionChecker::check_if(const tree::Expr& expr, const Type* words) {
  Checked condition = check_bool(*expr.args[0]);
  const std::vector<Checked> branches =
      check_together({expr.args[1].get(), expr.args[2].get()}, words);
  if (!condition) return error(expr);
  return check_common(expr, Op::kIf, {condition.expr}, branches);
}

Checked ExpressionChecker::check_common(const tree::Expr& expr, Op op, std::vector<ExprPtr> first,
                                        const std::vector<Checked>& branches) {
  std::optional<Type> common;
  const Checked* typed_by = nullptr;
  for (const Checked& branch : branches) {
    if (!branch) return error(expr);
    const std::optional<Type> joint = common ? common_type(*common, branch.type()) : branch.type();
    if (!joint) {
      report_types(Code::kE0307,
                   fmt::format("{} and {} have no type in common", type_text(*common),
                               type_text(branch.type())),
                   expr.op_span, *typed_by, branch);
      return error(expr);
    }
    common = joint;
    typed_by = &branch;
  }
  std::vector<ExprPtr> args = std::move(first);
  for (const Checked& branch : branches) args.push_back(widened(branch.expr, *common));
  return checked(expr, operator_expr(op, *common, std::move(args)));
}
}  // namespace tocsin::rules

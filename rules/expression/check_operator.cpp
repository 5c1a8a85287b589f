// Operators: arithmetic, comparisons, `if`.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/expression_parts.h"
#include "rules/lint/literal_warnings.h"

namespace tocsin::rules {
using cep::ExprPtr;
using cep::Op;
using cep::Type;
using cep::TypeKind;
using tree::ExprKind;

namespace {
using Operands = std::pair<Checked, Checked>;

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
      return numeric ? fmt::format("a number is written without quotes: `{}`", text) : "";
    }
    if (is(*x, TypeKind::kString) && is_number(y->type()) && y->expr->op == Op::kLiteral) {
      return fmt::format("text is written in quotes: `\"{}\"`", cep::to_text(literal_of(*y->expr)));
    }
    if (is(*x, TypeKind::kBool) && !is(*y, TypeKind::kBool))
      return "a bool is compared with `true` or `false`";
    if (is(*x, TypeKind::kTime) && is_string_literal(*y)) {
      return "a time is written without quotes: `2027-01-01T00:00:00Z`";
    }
    if (is(*x, TypeKind::kDate) && is_string_literal(*y)) {
      return "a date is written without quotes: `2027-01-01`";
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

// The enum type of an operand, found without reporting; nothing where it has another type.
std::optional<Type> peek_enum(const ExprContext& c, const tree::Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kName: {
      if (const std::optional<Checked> key = find_key(c, expr.name, expr.span)) {
        if (*key && key->type().kind == TypeKind::kEnum) return key->type();
        return std::nullopt;
      }
      const FieldLookup field =
          look_up_field(c.context, c.scope.types, c.scope.types_broken, expr.name.text);
      if (field.presence == FieldPresence::kEverywhere && field.type.kind == TypeKind::kEnum) {
        return field.type;
      }
      return std::nullopt;
    }
    case ExprKind::kIf:
      if (auto found = peek_enum(c, *expr.args[1])) return found;
      return peek_enum(c, *expr.args[2]);
    case ExprKind::kCall:
      for (const tree::ExprPtr& arg : expr.args) {
        if (auto found = peek_enum(c, *arg)) return found;
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// Two operands of which one may be a word of the other's enum.
Operands check_operands(const ExprContext& c, const tree::Expr& a, const tree::Expr& b) {
  // The operand that is surely no word says which words the other one may be.
  const bool a_first = !may_be_word(a) || (may_be_word(b) && (peek_enum(c, a) || !peek_enum(c, b)));
  const tree::Expr& first_tree = a_first ? a : b;
  const tree::Expr& second_tree = a_first ? b : a;
  Checked first = check_expr(c, first_tree);
  Checked second;
  if (!first && second_tree.kind == ExprKind::kName) {
    // It may be a word of an enum that is not known now.
    second = error_type(c, second_tree);
  } else {
    const bool words = first && first.type().kind == TypeKind::kEnum;
    second = check_expr(c, second_tree, words ? &first.type() : nullptr);
  }
  if (a_first) return {std::move(first), std::move(second)};
  return {std::move(second), std::move(first)};
}
}  // namespace

void report_types(const ExprContext& c, Code code, std::string message, SourceSpan at,
                  const Checked& a, const Checked& b, const char* help) {
  Diagnostic diagnostic = make_diagnostic(code, at, std::move(message));
  if (*help != 0) diagnostic.helps.emplace_back(help);
  diagnostic.labels.push_back({a.span, type_label(c.context, a)});
  diagnostic.labels.push_back({b.span, type_label(c.context, b)});
  if (code == Code::kE0304) {
    std::string advice = comparison_advice(a, b);
    if (!advice.empty()) diagnostic.helps.push_back(std::move(advice));
  }
  c.context.sink.report(std::move(diagnostic));
}

Checked check_arithmetic(const ExprContext& c, const tree::Expr& expr, Op op) {
  Checked a = check_expr(c, *expr.args[0]);
  Checked b = check_expr(c, *expr.args[1]);
  if (!a || !b) return error_type(c, expr);
  const Typing typing = type_arithmetic(op, a.type(), b.type());
  switch (typing.problem) {
    case TypingProblem::kUndefined:
      if (op == Op::kAdd && is_text(a.type()) && is_text(b.type())) {
        return checked(expr, joined_texts({a.expr, b.expr}));
      }
      report_types(
          c, Code::kE0302,
          fmt::format("cannot {} {} and {}", arithmetic_verb(op), type_text(a.type()),
                      type_text(b.type())),
          expr.op_span, a, b,
          op == Op::kAdd && (is_text(a.type()) || is_text(b.type())) ? help_for_joining() : "");
      return error_type(c, expr);
    case TypingProblem::kScale:
      report_types(c, Code::kE0303,
                   fmt::format("the result has {} digits after the point, a decimal at most {}",
                               typing.scale, cep::kScaleMax),
                   expr.op_span, a, b);
      return error_type(c, expr);
    case TypingProblem::kNone:
      break;
  }
  if (typing.as_floats) {
    a.expr = widened(a.expr, typing.type);
    b.expr = widened(b.expr, typing.type);
  }
  return checked(expr, operator_expr(op, typing.type, {a.expr, b.expr}));
}

Checked check_negation(const ExprContext& c, const tree::Expr& expr) {
  Checked operand = check_expr(c, *expr.args[0]);
  if (!operand) return error_type(c, expr);
  if (!is_number(operand.type()) && operand.type().kind != TypeKind::kDuration) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0302, expr.op_span, "cannot negate " + type_text(operand.type()));
    diagnostic.labels.push_back({operand.span, type_label(c.context, operand)});
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  return checked(expr, negated(operand.expr));
}

Checked check_comparison(const ExprContext& c, const tree::Expr& expr, Op op) {
  auto [a, b] = check_operands(c, *expr.args[0], *expr.args[1]);
  if (!a || !b) return error_type(c, expr);
  const Typing typing = type_comparison(op, a.type(), b.type());
  if (typing.problem != TypingProblem::kNone) {
    const bool same = a.type() == b.type();
    report_types(
        c, Code::kE0304,
        same ? fmt::format("{} has no order", type_text(a.type()))
             : fmt::format("cannot compare {} with {}", type_text(a.type()), type_text(b.type())),
        expr.op_span, a, b);
    return error_type(c, expr);
  }
  if (typing.as_floats) {
    a.expr = widened(a.expr, plain_type(TypeKind::kFloat));
    b.expr = widened(b.expr, plain_type(TypeKind::kFloat));
  } else if (op == Op::kEqual || op == Op::kNotEqual) {
    for (const auto& [x, y] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      if (y->expr->op != Op::kLiteral || x->expr->op == Op::kLiteral) continue;
      warn_of_digits(c.context, x->type(), literal_of(*y->expr), y->span);
    }
  }
  return checked(expr, operator_expr(op, bool_type(), {a.expr, b.expr}));
}

Checked check_between(const ExprContext& c, const tree::Expr& expr) {
  Checked value = check_expr(c, *expr.args[0]);
  const bool words = value && value.type().kind == TypeKind::kEnum;
  Checked low = check_expr(c, *expr.args[1], words ? &value.type() : nullptr);
  Checked high = check_expr(c, *expr.args[2], words ? &value.type() : nullptr);
  if (!value || !low || !high) return error_type(c, expr);
  bool floats = false;
  for (const Checked* bound : {&low, &high}) {
    const Typing typing = type_comparison(Op::kBetween, value.type(), bound->type());
    if (typing.problem != TypingProblem::kNone) {
      report_types(c, Code::kE0304,
                   fmt::format("cannot compare {} with {}", type_text(value.type()),
                               type_text(bound->type())),
                   expr.op_span, value, *bound);
      return error_type(c, expr);
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

Checked check_presence(const ExprContext& c, const tree::Expr& expr, Op op) {
  if (const auto step = find_step_alone(c, *expr.args[0])) {
    return check_step_presence(c, expr, *step, op == Op::kIsKnown);
  }
  const Checked operand = check_expr(c, *expr.args[0]);
  if (!operand) return error_type(c, expr);
  return checked(expr, operator_expr(op, bool_type(), {operand.expr}));
}

std::vector<Checked> check_together(const ExprContext& c,
                                    const std::vector<const tree::Expr*>& exprs,
                                    const Type* words) {
  // Where no enum is expected from outside, one of them may say which it is.
  std::optional<Type> own;
  for (const tree::Expr* expr : exprs) {
    if (!words && !own) own = peek_enum(c, *expr);
  }
  std::vector<Checked> all;
  all.reserve(exprs.size());
  for (const tree::Expr* expr : exprs) all.push_back(check_expr(c, *expr, own ? &*own : words));
  return all;
}

Checked check_if(const ExprContext& c, const tree::Expr& expr, const Type* words) {
  Checked condition = check_bool(c, *expr.args[0]);
  const std::vector<Checked> branches =
      check_together(c, {expr.args[1].get(), expr.args[2].get()}, words);
  if (!condition) return error_type(c, expr);
  return check_common(c, expr, Op::kIf, {condition.expr}, branches);
}

Checked check_common(const ExprContext& c, const tree::Expr& expr, Op op,
                     std::vector<ExprPtr> first, const std::vector<Checked>& branches) {
  std::optional<Type> common;
  const Checked* typed_by = nullptr;
  for (const Checked& branch : branches) {
    if (!branch) return error_type(c, expr);
    const std::optional<Type> joint = common ? common_type(*common, branch.type()) : branch.type();
    if (!joint) {
      report_types(c, Code::kE0307,
                   fmt::format("{} and {} have no type in common", type_text(*common),
                               type_text(branch.type())),
                   expr.op_span, *typed_by, branch);
      return error_type(c, expr);
    }
    common = joint;
    typed_by = &branch;
  }
  std::vector<ExprPtr> args = std::move(first);
  for (const Checked& branch : branches) args.push_back(widened(branch.expr, *common));
  return checked(expr, operator_expr(op, *common, std::move(args)));
}
}  // namespace tocsin::rules

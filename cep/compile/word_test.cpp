#include "cep/compile/word_test.h"

#include "cep/plan/comparison.h"
#include "cep/plan/event_comparison.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/value/int128.h"

namespace tocsin::cep {
bool is_word(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBool:
    case TypeKind::kInt:
    case TypeKind::kDecimal:
    case TypeKind::kTime:
    case TypeKind::kDate:
    case TypeKind::kDuration:
      return true;
    default:
      return false;
  }
}

namespace {
bool is_number(const Type& type) {
  return type.kind == TypeKind::kInt || type.kind == TypeKind::kDecimal;
}
int scale_of(const Type& type) { return type.kind == TypeKind::kDecimal ? type.scale : 0; }

// What the terms of one rule are made from.
struct Maker {
  const Plan& plan;
  const std::vector<std::uint32_t>& step_of_var;
};

std::optional<WordTerm> field_term(const Maker& maker, const Expr& expr) {
  WordTerm term;
  if (expr.op == Op::kField) {
    term.source = WordTerm::Source::kCurrent;
  } else if (expr.op == Op::kBound && expr.args.empty()) {
    const auto& bound = expr.as<BoundField>();
    term.source = bound.which == Which::kFirst ? WordTerm::Source::kFirst : WordTerm::Source::kLast;
    term.step = maker.step_of_var[bound.var.value];
  } else {
    return std::nullopt;
  }
  term.field_of_type.assign(maker.plan.event_types.size(), WordTerm::kNoField);
  for (const auto& [type, field] : field_of(expr)->by_type) {
    term.field_of_type[type.value] = field.value;
  }
  return term;
}

// field, literal, or literal * field.
std::optional<WordTerm> make_term(const Maker& maker, const Expr& expr) {
  if (expr.op == Op::kLiteral) {
    const Value value = literal_of(expr);
    if (value.is_missing() || !fits_64(value.number)) return std::nullopt;
    WordTerm term;
    term.factor = static_cast<std::int64_t>(value.number);
    return term;
  }
  if (expr.op == Op::kMultiply && is_number(expr.type)) {
    const Expr& a = *expr.args[0];
    const Expr& b = *expr.args[1];
    const Expr& constant = a.op == Op::kLiteral ? a : b;
    const Expr& other = a.op == Op::kLiteral ? b : a;
    if (constant.op != Op::kLiteral || !is_number(constant.type) || !is_number(other.type)) {
      return std::nullopt;
    }
    const Value value = literal_of(constant);
    std::optional<WordTerm> term = field_term(maker, other);
    if (!term || value.is_missing() || !fits_64(value.number)) return std::nullopt;
    term->checks_product = true;
    term->plan_factor = static_cast<std::int64_t>(value.number);
    term->factor = term->plan_factor;
    return term;
  }
  return field_term(maker, expr);
}
}  // namespace

std::optional<WordTest> make_word_test(const Plan& plan, const Expr& expr,
                                       const std::vector<std::uint32_t>& step_of_var) {
  const Maker maker{plan, step_of_var};
  switch (expr.op) {
    case Op::kEqual:
    case Op::kNotEqual:
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
      break;
    default:
      return std::nullopt;
  }
  const Type& left_type = expr.args[0]->type;
  const Type& right_type = expr.args[1]->type;
  WordTest test;
  test.op = expr.op;
  if (left_type.kind == TypeKind::kString && right_type.kind == TypeKind::kString) {
    const std::optional<WordTerm> left = field_term(maker, *expr.args[0]);
    const std::optional<WordTerm> right = field_term(maker, *expr.args[1]);
    if (!left || !right) return std::nullopt;
    test.left = *left;
    test.right = *right;
    test.is_text = true;
    return test;
  }
  const bool same_kind = left_type.kind == right_type.kind && is_word(left_type.kind);
  if (!same_kind && !(is_number(left_type) && is_number(right_type))) {
    if (left_type.kind == TypeKind::kEnum && left_type == right_type) {
      const std::optional<WordTerm> left = field_term(maker, *expr.args[0]);
      const std::optional<WordTerm> right = field_term(maker, *expr.args[1]);
      if (!left || !right) return std::nullopt;
      test.left = *left;
      test.right = *right;
      return test;
    }
    return std::nullopt;
  }
  const std::optional<WordTerm> left = make_term(maker, *expr.args[0]);
  const std::optional<WordTerm> right = make_term(maker, *expr.args[1]);
  if (!left || !right) return std::nullopt;
  test.left = *left;
  test.right = *right;
  // Both sides at the larger scale; products are compared in 128 bits.
  const int difference = scale_of(left_type) - scale_of(right_type);
  WordTerm& narrow = difference < 0 ? test.left : test.right;
  if (difference < -18 || difference > 18) return std::nullopt;
  const Int128 factor =
      Int128{narrow.factor} * power_of_ten(difference < 0 ? -difference : difference);
  if (!fits_64(factor)) return std::nullopt;
  narrow.factor = static_cast<std::int64_t>(factor);
  return test;
}

std::optional<SumTest> make_sum_test(const Plan& plan, const Expr& expr,
                                     const std::vector<std::uint32_t>& step_of_var) {
  if (!is_comparison(expr.op)) return std::nullopt;
  const Maker maker{plan, step_of_var};
  const auto is_field = [](const Expr& part) {
    return part.op == Op::kField || (part.op == Op::kBound && part.args.empty());
  };
  const auto sum = sum_comparison(expr.op, 1, *expr.args[0], *expr.args[1], is_field);
  if (!sum) return std::nullopt;
  SumTest test;
  test.op = sum->op;
  test.constant = sum->constant;
  for (const SumPart& part : sum->parts) {
    std::optional<WordTerm> term = field_term(maker, *part.expr);
    if (!term) return std::nullopt;
    term->factor = part.factor;
    test.terms.push_back(std::move(*term));
  }
  return test;
}

std::optional<FeatureTest> make_feature_test(const Expr& expr) {
  if (expr.op < Op::kEqual || expr.op > Op::kGreaterEqual) return std::nullopt;
  const Expr& left = *expr.args[0];
  const Expr& right = *expr.args[1];
  if (left.op != Op::kFeature || right.op != Op::kLiteral) return std::nullopt;
  if (!left.args.empty()) return std::nullopt;  // under another field: a value of its own
  return FeatureTest{feature_of(left), expr.op, literal_of(right)};
}
}  // namespace tocsin::cep

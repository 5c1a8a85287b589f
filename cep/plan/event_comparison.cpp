#include "cep/plan/event_comparison.h"

#include <algorithm>

#include "cep/plan/comparison.h"
#include "cep/plan/expr_walk.h"
#include "cep/value/decimal.h"

namespace tocsin::cep {
namespace {
bool is_exact(TypeKind kind) { return kind == TypeKind::kInt || kind == TypeKind::kDecimal; }
bool is_summed(TypeKind kind) {
  return is_exact(kind) || kind == TypeKind::kTime || kind == TypeKind::kDuration;
}
// Whether it reads what is known at the later event alone, or nothing, and fits 64 bits: numbers of
// features may have more, times never have.
bool is_of_own(const Expr& expr) {
  if (expr.op == Op::kField || expr.op == Op::kLiteral) return true;
  if (expr.type.kind == TypeKind::kTime) return !reads_run(expr);
  return is_arithmetic(expr.op) &&
         std::ranges::all_of(expr.args, [](const ExprPtr& arg) { return is_of_own(*arg); });
}

class Sum {
 public:
  explicit Sum(const std::function<bool(const Expr&)>& is_part) : is_part_(is_part) {}

  // Adds an expression so many times. False where it adds up something else than parts.
  bool add(const Expr& expr, int times) { return add(expr, {.factor = times}); }
  // Absent where a factor is too large.
  std::optional<SumComparison> compared(Op op) const {
    SumComparison out;
    out.op = op;
    for (const Term& term : terms_) out.scale = std::max(out.scale, term.scale);
    for (const Term& term : terms_) {
      if (out.scale - term.scale > kScaleMax) return std::nullopt;
      const Int128 factor = term.factor * power_of_ten(out.scale - term.scale);
      if (factor == 0 || factor > kSumFactorMax || factor < -kSumFactorMax) return std::nullopt;
      if (term.expr == nullptr) {
        out.constant += factor;
      } else {
        out.parts.push_back({term.expr, static_cast<std::int64_t>(factor)});
      }
    }
    return out;
  }

 private:
  // An expression times a factor, which has decimal places as the expression has.
  struct Term {
    const Expr* expr = nullptr;  // null: it is the factor
    Int128 factor = 1;
    int scale = 0;
  };

  bool add(const Expr& expr, Term term) {
    if (!is_summed(expr.type.kind)) return false;
    if (expr.op == Op::kLiteral) {
      if (!take_factor(expr, term)) return false;
      return term.factor == 0 || append(term);
    }
    if (is_part_(expr)) {
      term.expr = &expr;
      term.scale += expr.type.scale;
      return append(term);
    }
    const auto add_arg = [&](std::size_t i, int sign) {
      Term part = term;
      part.factor *= sign;
      return add(*expr.args[i], part);
    };
    switch (expr.op) {
      case Op::kNegate:
        return add_arg(0, -1);
      case Op::kAdd:
        return add_arg(0, 1) && add_arg(1, 1);
      case Op::kSubtract:
        return add_arg(0, 1) && add_arg(1, -1);
      case Op::kMultiply:
        // A duration times a number is rounded.
        return is_exact(expr.type.kind) && add_product(expr, term);
      default:
        return false;
    }
  }
  bool add_product(const Expr& expr, Term term) {
    const std::size_t constant = expr.args[0]->op == Op::kLiteral ? 0 : 1;
    return take_factor(*expr.args[constant], term) && add(*expr.args[1 - constant], term);
  }
  static bool take_factor(const Expr& literal, Term& term) {
    if (literal.op != Op::kLiteral) return false;
    const Value value = literal_of(literal);
    if (value.is_missing() || !fits_64(value.number)) return false;
    term.factor *= value.number;
    term.scale += value.scale;
    return fits_64(term.factor);
  }
  bool append(const Term& term) {
    terms_.push_back(term);
    return terms_.size() <= kSumPartsMax;
  }

  const std::function<bool(const Expr&)>& is_part_;
  std::vector<Term> terms_;
};

// The sum becomes comparable with values of the type.
void set_type(ComparedSide& sum, const Type& type) {
  switch (type.kind) {
    case TypeKind::kDecimal:
      sum.kind = ValueKind::kDecimal;
      sum.scale = type.scale;
      break;
    case TypeKind::kTime:
      sum.kind = ValueKind::kTime;
      break;
    case TypeKind::kDuration:
      sum.kind = ValueKind::kDuration;
      break;
    default:
      sum.kind = ValueKind::kInt;
  }
}
}  // namespace

std::optional<SumComparison> sum_comparison(Op op, int times_left, const Expr& left,
                                            const Expr& right,
                                            const std::function<bool(const Expr&)>& is_part) {
  Sum sum(is_part);
  if (!sum.add(left, times_left) || !sum.add(right, -1)) return std::nullopt;
  return sum.compared(op);
}

std::optional<EventComparison> compared_sums(Op op, int times_left, const Expr& left,
                                             const Expr& right,
                                             const std::function<bool(const Expr&)>& is_earlier) {
  const auto sum = sum_comparison(op, times_left, left, right, [&](const Expr& expr) {
    return is_of_own(expr) || is_earlier(expr);
  });
  if (!sum) return std::nullopt;
  const auto is_first = [](const SumPart& part) { return !is_of_own(*part.expr); };
  const auto first = std::ranges::find_if(sum->parts, is_first);
  if (first == sum->parts.end()) return std::nullopt;
  // The earlier event's side has the sign of its first part.
  const int sign = first->factor > 0 ? 1 : -1;
  EventComparison out;
  out.op = sign > 0 ? mirrored(op) : op;
  out.own.constant = -sign * sum->constant;
  for (const SumPart& part : sum->parts) {
    const bool is_own = !is_first(part);
    ComparedSide& side = is_own ? out.own : out.earlier;
    side.parts.push_back({part.expr, is_own ? -sign * part.factor : sign * part.factor});
  }
  const Expr& alone = *out.earlier.parts[0].expr;
  const bool is_alone = out.earlier.parts.size() == 1 && out.earlier.parts[0].factor == 1;
  if (!is_alone || alone.type.scale != sum->scale) return out;
  out.earlier = {};
  out.earlier.plain = &alone;
  set_type(out.own, alone.type);
  return out;
}
}  // namespace tocsin::cep

#include "rules/contradiction.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "rules/report.h"

namespace tocsin::rules {
using cep::Expr;
using cep::ExprPtr;
using cep::Op;
using cep::Ordering;

namespace {
struct Bound {
  cep::Value value;
  bool strict = false;
  std::size_t conjunct = 0;
};
// What the conjuncts so far say about one field.
struct Facts {
  std::optional<Bound> low;
  std::optional<Bound> high;
  std::optional<std::size_t> missing;  // it is missing
  std::optional<std::size_t> known;    // only a value that is there makes this one true
};

const Expr& without_widening(const Expr& expr) {
  return expr.op == Op::kToFloat ? *expr.args[0] : expr;
}

Op mirrored(Op op) {
  switch (op) {
    case Op::kLess:
      return Op::kGreater;
    case Op::kLessEqual:
      return Op::kGreaterEqual;
    case Op::kGreater:
      return Op::kLess;
    case Op::kGreaterEqual:
      return Op::kLessEqual;
    default:
      return op;
  }
}

bool is_comparison(Op op) {
  return op == Op::kEqual || op == Op::kNotEqual || op == Op::kLess || op == Op::kLessEqual ||
         op == Op::kGreater || op == Op::kGreaterEqual;
}

bool holds(Op op, Ordering order) {
  switch (op) {
    case Op::kEqual:
      return order == Ordering::kEqual;
    case Op::kNotEqual:
      return order != Ordering::kEqual;
    case Op::kLess:
      return order == Ordering::kLess;
    case Op::kLessEqual:
      return order != Ordering::kGreater;
    case Op::kGreater:
      return order == Ordering::kGreater;
    default:
      return order != Ordering::kLess;
  }
}

class Contradictions {
 public:
  Contradictions(CheckContext& context, const std::vector<Conjunct>& conjuncts,
                 std::size_t first_new)
      : context_(context), conjuncts_(conjuncts), first_new_(first_new) {}

  bool find() {
    for (std::size_t i = 0; i < conjuncts_.size() && !found_; ++i) look_at(*conjuncts_[i].expr, i);
    return found_;
  }

 private:
  // A field of the current event, by one of the places that hold it.
  Facts* facts_of(const Expr& operand) {
    const Expr& expr = without_widening(operand);
    if (expr.op != Op::kField || expr.field.by_type.empty()) return nullptr;
    return &facts_[expr.field.name];
  }

  void look_at(const Expr& expr, std::size_t at) {
    if (expr.op == Op::kLiteral) {
      if (!expr.literal.view().is_true()) report(at, std::nullopt);
      return;
    }
    if (is_comparison(expr.op)) return look_at_comparison(expr, expr.op, at);
    switch (expr.op) {
      case Op::kField:
        if (Facts* facts = facts_of(expr)) add_equal(*facts, cep::Value::boolean(true), at);
        break;
      case Op::kNot:
        look_at_not(*expr.args[0], at);
        break;
      case Op::kBetween:
        if (Facts* facts = facts_of(*expr.args[0])) {
          add_known(*facts, at);
          if (expr.args[1]->op == Op::kLiteral) {
            add_low(*facts, {expr.args[1]->literal.view(), false, at});
          }
          if (expr.args[2]->op == Op::kLiteral) {
            add_high(*facts, {expr.args[2]->literal.view(), false, at});
          }
        }
        break;
      case Op::kIn:
      case Op::kInValues:
        if (Facts* facts = facts_of(*expr.args[0])) add_known(*facts, at);
        break;
      case Op::kIsMissing:
        if (Facts* facts = facts_of(*expr.args[0])) {
          facts->missing = at;
          if (facts->known) report(at, facts->known);
        }
        break;
      case Op::kIsKnown:
        if (Facts* facts = facts_of(*expr.args[0])) add_known(*facts, at);
        break;
      default:
        break;
    }
  }

  void look_at_not(const Expr& expr, std::size_t at) {
    if (expr.op == Op::kField) {
      if (Facts* facts = facts_of(expr)) add_equal(*facts, cep::Value::boolean(false), at);
      return;
    }
    // `not` over a comparison with a missing value is as unknown as the comparison.
    const bool compares = is_comparison(expr.op) || expr.op == Op::kBetween || expr.op == Op::kIn ||
                          expr.op == Op::kInValues;
    if (!compares) return;
    for (const ExprPtr& arg : expr.args) {
      if (Facts* facts = facts_of(*arg)) add_known(*facts, at);
    }
  }

  void look_at_comparison(const Expr& expr, Op op, std::size_t at) {
    const Expr& left = *expr.args[0];
    const Expr& right = *expr.args[1];
    if (left.op == Op::kLiteral && right.op == Op::kLiteral) {
      const Ordering order = cep::compare(left.literal.view(), right.literal.view());
      if (!holds(op, order)) report(at, std::nullopt);
      return;
    }
    for (const Expr* side : {&left, &right}) {
      if (Facts* facts = facts_of(*side)) add_known(*facts, at);
    }
    if (left.op == Op::kLiteral) return add_bound(right, mirrored(op), left, at);
    if (right.op == Op::kLiteral) add_bound(left, op, right, at);
  }

  void add_bound(const Expr& operand, Op op, const Expr& literal, std::size_t at) {
    Facts* facts = facts_of(operand);
    if (!facts || found_) return;
    const cep::Value value = literal.literal.view();
    if (op == Op::kEqual) return add_equal(*facts, value, at);
    if (op == Op::kGreater || op == Op::kGreaterEqual) {
      add_low(*facts, {value, op == Op::kGreater, at});
    } else if (op == Op::kLess || op == Op::kLessEqual) {
      add_high(*facts, {value, op == Op::kLess, at});
    }
  }

  void add_equal(Facts& facts, const cep::Value& value, std::size_t at) {
    add_known(facts, at);
    add_low(facts, {value, false, at});
    add_high(facts, {value, false, at});
  }

  void add_known(Facts& facts, std::size_t at) {
    if (!facts.known) facts.known = at;
    if (facts.missing) report(at, facts.missing);
  }

  void add_low(Facts& facts, const Bound& bound) {
    const Ordering order =
        facts.low ? cep::compare(facts.low->value, bound.value) : Ordering::kLess;
    if (order == Ordering::kLess || (order == Ordering::kEqual && bound.strict)) facts.low = bound;
    compare_bounds(facts);
  }
  void add_high(Facts& facts, const Bound& bound) {
    const Ordering order =
        facts.high ? cep::compare(facts.high->value, bound.value) : Ordering::kGreater;
    if (order == Ordering::kGreater || (order == Ordering::kEqual && bound.strict)) {
      facts.high = bound;
    }
    compare_bounds(facts);
  }
  void compare_bounds(const Facts& facts) {
    if (!facts.low || !facts.high) return;
    const Ordering order = cep::compare(facts.low->value, facts.high->value);
    const bool empty = order == Ordering::kGreater ||
                       (order == Ordering::kEqual && (facts.low->strict || facts.high->strict));
    if (!empty) return;
    const std::size_t later = std::max(facts.low->conjunct, facts.high->conjunct);
    const std::size_t earlier = std::min(facts.low->conjunct, facts.high->conjunct);
    report(later, earlier == later ? std::nullopt : std::optional(earlier));
  }

  void report(std::size_t at, std::optional<std::size_t> other) {
    if (found_ || (at < first_new_ && (!other || *other < first_new_))) return;
    found_ = true;
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0003, conjuncts_[at].span, "this condition never holds");
    if (other) {
      diagnostic.primary.text = "cannot hold together";
      diagnostic.labels.push_back({conjuncts_[*other].span, "with this"});
    }
    context_.sink.report(std::move(diagnostic));
  }

  CheckContext& context_;
  const std::vector<Conjunct>& conjuncts_;
  std::size_t first_new_;
  std::map<std::string, Facts> facts_;
  bool found_ = false;
};
}  // namespace

bool warn_of_contradiction(CheckContext& context, const std::vector<Conjunct>& conjuncts,
                           std::size_t first_new) {
  return Contradictions(context, conjuncts, first_new).find();
}
}  // namespace tocsin::rules

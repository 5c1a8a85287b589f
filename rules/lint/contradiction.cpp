// Long because each form of condition adds to the same facts, and what they contradict is found
// from all of them.
#include "rules/lint/contradiction.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "cep/data/functions.h"
#include "cep/plan/comparison.h"
#include "cep/plan/function_name.h"
#include "rules/context/report.h"
#include "rules/lint/missing_under_not.h"
#include "rules/lint/operand_range.h"

namespace tocsin::rules {
using cep::Expr;
using cep::ExprPtr;
using cep::Op;
using cep::Ordering;

namespace {
constexpr std::size_t kByNature = SIZE_MAX;  // no conjunct says it
struct Bound {
  cep::Value value;
  bool strict = false;
  std::size_t conjunct = 0;
};
// What the conjuncts so far say about one value.
struct Facts {
  OperandRange range;  // by nature
  std::optional<Bound> low;
  std::optional<Bound> high;
  std::optional<std::size_t> missing;  // it is missing
  std::optional<std::size_t> known;    // only a value that is there makes this one true
};

bool has_capital(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}
bool has_small(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
}

class Contradictions {
 public:
  Contradictions(CheckContext& context, const ExprScope& scope,
                 const std::vector<Conjunct>& conjuncts, std::size_t first_new, Code never,
                 bool silent = false)
      : context_(context),
        scope_(scope),
        conjuncts_(conjuncts),
        first_new_(first_new),
        never_(never),
        silent_(silent) {}

  // Whether they contradict each other, or an alternative of one never holds, which is reported.
  // `silent`: whether no event satisfies them; nothing is reported.
  bool find() {
    for (std::size_t i = 0; i < conjuncts_.size() && !found_; ++i) look_at(*conjuncts_[i].expr, i);
    return found_;
  }
  // A part that always holds has been reported.
  bool said_nothing() const { return said_nothing_; }

 private:
  Facts* facts_of(const Expr& operand) {
    const Expr& expr = without_widening(operand);
    if (!is_operand(expr)) return nullptr;
    const auto [place, is_new] = facts_.try_emplace(operand_text(context_, scope_, expr));
    Facts& facts = place->second;
    if (is_new) {
      facts.range = range_of(context_, scope_, expr);
      if (facts.range.low) facts.low = Bound{facts.range.low->view(), false, kByNature};
      if (facts.range.high) {
        facts.high = Bound{facts.range.high->view(), facts.range.high_is_open, kByNature};
      }
    }
    return &facts;
  }

  void look_at(const Expr& expr, std::size_t at) {
    if (expr.op == Op::kLiteral) {
      if (!literal_of(expr).is_true()) report(at, std::nullopt);
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
      case Op::kOr:
        look_at_alternatives(expr, at);
        break;
      case Op::kBetween:
        look_at_between(expr, at);
        break;
      case Op::kIn:
        if (Facts* facts = facts_of(*expr.args[0])) add_known(*facts, at);
        break;
      case Op::kInValues:
        look_at_values(expr, at);
        break;
      case Op::kContains:
      case Op::kContainsWord:
      case Op::kStartsWith:
      case Op::kEndsWith:
        look_at_case(*expr.args[0], *expr.args[1], at);
        break;
      case Op::kIsMissing:
        if (is_number_of_events(*expr.args[0])) {
          return report(at, std::nullopt, "over nothing it is 0", "ask whether it is 0: `= 0`");
        }
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

  bool is_number_of_events(const Expr& expr) const {
    if (expr.op != Op::kFeature || !expr.args.empty()) return false;
    const cep::Feature& feature = context_.features[feature_of(expr)];
    return !feature.window.needs && traits_of(feature.aggregate).zero_over_nothing;
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

  void look_at_between(const Expr& expr, std::size_t at) {
    Facts* facts = facts_of(*expr.args[0]);
    if (facts == nullptr) return;
    add_known(*facts, at);
    if (found_) return;
    const std::string own = operand_text(context_, scope_, *expr.args[0]);
    for (const std::size_t side : {std::size_t{1}, std::size_t{2}}) {
      if (is_operand(without_widening(*expr.args[side])) &&
          operand_text(context_, scope_, *expr.args[side]) == own) {
        return look_at_self(*expr.args[0], Op::kLessEqual, at);
      }
    }
    const auto first = multiple_of(context_, scope_, *expr.args[1]);
    const auto second = multiple_of(context_, scope_, *expr.args[2]);
    if (first && second && first->second == second->second &&
        cep::compare(first->first, second->first) == Ordering::kGreater) {
      return report(at, std::nullopt, "the first bound is greater than the second",
                    "the smaller bound stands first: `between 0.9 * a and a`");
    }
    if (expr.args[1]->op != Op::kLiteral || expr.args[2]->op != Op::kLiteral) return;
    const cep::Value low = literal_of(*expr.args[1]);
    const cep::Value high = literal_of(*expr.args[2]);
    if (cep::compare(low, high) == Ordering::kGreater) {
      return report(
          at, std::nullopt, "the first bound is greater than the second",
          "`between a and b` is `>= a and <= b`; for values outside write `>= a or <= b`");
    }
    add_low(*facts, {low, false, at});
    add_high(*facts, {high, false, at});
  }

  // `x in [1, 2]`: a value that x never has says nothing.
  void look_at_values(const Expr& expr, std::size_t at) {
    Facts* facts = facts_of(*expr.args[0]);
    if (facts == nullptr) return;
    add_known(*facts, at);
    const OperandRange& range = facts->range;
    for (std::size_t i = 1; i < expr.args.size(); ++i) {
      if (expr.args[i]->op != Op::kLiteral) continue;
      const cep::Value value = literal_of(*expr.args[i]);
      const bool below = range.low && cep::compare(value, range.low->view()) == Ordering::kLess;
      const bool above =
          range.high && cep::compare(value, range.high->view()) == Ordering::kGreater;
      if (below || above) {
        return report(at, std::nullopt, range.why, {},
                      fmt::format("the value {} never occurs here", in_code(cep::to_text(value))));
      }
      look_at_case(*expr.args[0], *expr.args[i], at);
      if (found_) return;
    }
  }

  // `lower(name) = "Anna"`.
  void look_at_case(const Expr& text, const Expr& other, std::size_t at) {
    const std::optional<cep::Function> function = function_of(text);
    if (!function || other.op != Op::kLiteral) return;
    const cep::Value value = literal_of(other);
    const bool small =
        (function == cep::Function::kLower || function == cep::Function::kNormalize) &&
        has_capital(value.text);
    const bool capital = function == cep::Function::kUpper && has_small(value.text);
    if (!small && !capital) return;
    report(at, std::nullopt,
           small ? "the left side has no capital letters" : "the left side has no small letters",
           fmt::format("write the text in {} letters", small ? "small" : "capital"));
  }

  // Each alternative by itself; then whether one of them always holds where the others do not.
  void look_at_alternatives(const Expr& expr, std::size_t at) {
    std::vector<std::size_t> dead;
    for (std::size_t i = 0; i < expr.args.size(); ++i) {
      std::vector<Conjunct> parts;
      if (expr.args[i]->op == Op::kAnd) {
        for (const ExprPtr& part : expr.args[i]->args) parts.push_back({part, conjuncts_[at].span});
      } else {
        parts.push_back({expr.args[i], conjuncts_[at].span});
      }
      if (Contradictions(context_, scope_, parts, 0, never_, true).find()) dead.push_back(i);
    }
    if (dead.size() == expr.args.size()) return report(at, std::nullopt);
    if (!dead.empty()) {
      constexpr std::array<const char*, 3> kPlaces = {"first", "second", "third"};
      const std::string place = dead.front() < kPlaces.size()
                                    ? std::string(kPlaces[dead.front()])
                                    : fmt::format("{}th", dead.front() + 1);
      return report(at, std::nullopt, {}, {},
                    fmt::format("the {} alternative is never true", place));
    }
    look_at_open_sides(expr, at);
    // `x != "a" or x != "b"`
    std::map<std::string, const Expr*> unequal;
    for (const ExprPtr& arg : expr.args) {
      if (arg->op != Op::kNotEqual || arg->args[1]->op != Op::kLiteral) continue;
      const auto [other, is_new] =
          unequal.emplace(operand_text(context_, scope_, *arg->args[0]), arg.get());
      if (is_new || cep::compare(literal_of(*arg->args[1]), literal_of(*other->second->args[1])) ==
                        Ordering::kEqual)
        continue;
      report_always(at, "no value is equal to both", "join them by `and`, or write `not in [a, b]`",
                    *arg->args[0]);
    }
  }

  // `x > 500 or x < 1000`
  void look_at_open_sides(const Expr& expr, std::size_t at) {
    std::map<std::string, Bound> above;
    std::map<std::string, Bound> below;
    std::map<std::string, const Expr*> sides;
    for (const ExprPtr& arg : expr.args) {
      if (!is_comparison(arg->op) || arg->args[1]->op != Op::kLiteral) continue;
      const Bound bound{literal_of(*arg->args[1]), arg->op == Op::kGreater || arg->op == Op::kLess,
                        at};
      const std::string text = operand_text(context_, scope_, *arg->args[0]);
      sides.emplace(text, arg->args[0].get());
      if (arg->op == Op::kGreater || arg->op == Op::kGreaterEqual) above.emplace(text, bound);
      if (arg->op == Op::kLess || arg->op == Op::kLessEqual) below.emplace(text, bound);
    }
    for (const auto& [text, low] : above) {
      const auto high = below.find(text);
      if (high == below.end()) continue;
      const Ordering order = cep::compare(low.value, high->second.value);
      const bool meet = order == Ordering::kEqual && !(low.strict && high->second.strict);
      if (order != Ordering::kLess && !meet) continue;
      return report_always(at, "every value is on one of the sides",
                           "for values between join them by `and`", *sides.at(text));
    }
  }

  void look_at_comparison(const Expr& expr, Op op, std::size_t at) {
    const Expr& left = *expr.args[0];
    const Expr& right = *expr.args[1];
    if (left.op == Op::kLiteral && right.op == Op::kLiteral) {
      const Ordering order = cep::compare(literal_of(left), literal_of(right));
      if (!holds(op, order)) report(at, std::nullopt);
      return;
    }
    for (const Expr* side : {&left, &right}) {
      if (Facts* facts = facts_of(*side)) add_known(*facts, at);
    }
    if (left.op == Op::kLiteral) return add_bound(right, mirrored(op), left, at);
    if (right.op == Op::kLiteral) return add_bound(left, op, right, at);
    if (found_) return;
    const bool above_itself =
        op == Op::kGreater && is_value_and_more(context_, scope_, left, right);
    const bool below_itself = op == Op::kLess && is_value_and_more(context_, scope_, right, left);
    if (above_itself || below_itself) {
      return report(at, std::nullopt, "the same value stands on both sides",
                    "compare with what was usual before, or with an earlier step");
    }
    if (!is_operand(without_widening(left)) || !is_operand(without_widening(right))) return;
    for (const auto& [value, extreme, way] :
         {std::tuple(&left, &right, op), std::tuple(&right, &left, mirrored(op))}) {
      const bool above = way == Op::kGreater;
      if (!above && way != Op::kLess) continue;
      if (is_extreme_with_this_event(context_, scope_, *value, *extreme, above)) {
        return report(at, std::nullopt, "this event is among them",
                      "`over previous …` leaves this event out");
      }
    }
    if (operand_text(context_, scope_, left) == operand_text(context_, scope_, right))
      look_at_self(left, op, at);
  }

  // A value compared with itself.
  void look_at_self(const Expr& side, Op op, std::size_t at) {
    const bool key = is_key_part(scope_, side);
    const std::string label = key ? "both sides are the rule's key" : "both sides are one value";
    std::string help;
    if (key) {
      help =
          "all events of a match have the same key: take the field out of `by`, or compare another";
    } else if (scope_.place == Place::kStep) {
      help =
          "in a step its own name and bare names mean the same event: compare with an earlier step";
    }
    if (holds(op, Ordering::kEqual)) return report_always(at, label, help, side);
    report(at, std::nullopt, label, help);
  }

  void add_bound(const Expr& operand, Op op, const Expr& literal, std::size_t at) {
    Facts* facts = facts_of(operand);
    if (!facts || found_) return;
    const cep::Value value = literal_of(literal);
    if (op == Op::kEqual) look_at_case(operand, literal, at);
    if (found_) return;
    if (is_implied(facts->range, op, value)) {
      return report_always(at, facts->range.why, {}, operand);
    }
    if (op == Op::kEqual) return add_equal(*facts, value, at);
    if (op == Op::kGreater || op == Op::kGreaterEqual) {
      add_low(*facts, {value, op == Op::kGreater, at});
    } else if (op == Op::kLess || op == Op::kLessEqual) {
      add_high(*facts, {value, op == Op::kLess, at});
    }
  }

  // Whether every value of the range is on the asked side of `value`.
  static bool is_implied(const OperandRange& range, Op op, const cep::Value& value) {
    if (op == Op::kGreater || op == Op::kGreaterEqual) {
      return range.low && holds(op, cep::compare(range.low->view(), value));
    }
    if (op != Op::kLess && op != Op::kLessEqual) return false;
    if (!range.high) return false;
    return holds(range.high_is_open ? Op::kLessEqual : op, cep::compare(range.high->view(), value));
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
    const std::size_t low = facts.low->conjunct;
    const std::size_t high = facts.high->conjunct;
    if (low == kByNature || high == kByNature) {
      return report(std::min(low, high), std::nullopt, facts.range.why);
    }
    const std::size_t later = std::max(low, high);
    const std::size_t earlier = std::min(low, high);
    report(later, earlier == later ? std::nullopt : std::optional(earlier));
  }

  void report(std::size_t at, std::optional<std::size_t> other, std::string label = {},
              std::string help = {}, std::string message = {}) {
    if (found_ || (at < first_new_ && (!other || *other < first_new_))) return;
    const bool is_part = !message.empty();  // the rest of the condition may hold
    if (silent_ && is_part) return;
    found_ = true;
    if (silent_) return;
    const Code code = is_part ? Code::kW0003 : never_;
    if (message.empty()) message = "this condition is never true";
    if (code == Code::kE0441) message += ", so the rule can never alert";
    Diagnostic diagnostic =
        make_diagnostic(code, conjuncts_[at].span, std::move(message), std::move(label));
    if (other) {
      diagnostic.primary.text = "cannot both be true";
      diagnostic.labels.push_back({conjuncts_[*other].span, "with this"});
    }
    if (!help.empty()) diagnostic.helps.push_back(std::move(help));
    context_.sink.report(std::move(diagnostic));
  }

  // `operand`: what the condition is about. Where that is missing, the condition is unknown.
  void report_always(std::size_t at, std::string label, std::string help, const Expr& operand) {
    if (silent_ || found_ || at < first_new_) return;
    said_nothing_ = true;
    std::string message = "this condition is always true";
    if (const std::string name = perhaps_missing(operand, at); !name.empty()) {
      message = fmt::format("this condition is true whenever {} has a value", in_code(name));
      help = fmt::format("to test whether it has one, write `{} is known`", name);
    }
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0025, conjuncts_[at].span, std::move(message), std::move(label));
    if (!help.empty()) diagnostic.helps.push_back(std::move(help));
    context_.sink.report(std::move(diagnostic));
  }

  // The name of a field or feature that the operand reads and that may be missing, unless another
  // conjunct asks that; empty where there is none.
  std::string perhaps_missing(const Expr& operand, std::size_t at) const {
    const Expr& expr = without_widening(operand);
    if (expr.op == Op::kCoalesce || expr.op == Op::kIsKnown || expr.op == Op::kIsMissing) return {};
    std::string name;
    if ((expr.op == Op::kField || expr.op == Op::kBound) && !is_key_part(scope_, expr)) {
      const bool is_optional = std::ranges::any_of(field_of(expr)->by_type, [&](const auto& place) {
        return context_.event_type(place.first).fields[place.second.value].optional;
      });
      if (is_optional) name = field_of(expr)->name;
    } else if (expr.op == Op::kFeature) {
      const cep::Feature& feature = context_.features[feature_of(expr)];
      const bool is_number_of = traits_of(feature.aggregate).zero_over_nothing;
      const bool has_name = !feature.name.empty() && !feature.name.starts_with('$');
      if ((feature.window.needs || !is_number_of) && has_name) name = feature.name;
    } else if (function_of(expr) == cep::Function::kSplit ||
               function_of(expr) == cep::Function::kCapture) {
      name = cep::function_name(*function_of(expr));
    }
    if (!name.empty() && !is_asked_known(expr, at)) return name;
    for (const ExprPtr& arg : expr.args) {
      if (!arg) continue;
      if (std::string inside = perhaps_missing(*arg, at); !inside.empty()) return inside;
    }
    return {};
  }
  bool is_asked_known(const Expr& operand, std::size_t at) const {
    const std::string text = operand_text(context_, scope_, operand);
    for (std::size_t i = 0; i < conjuncts_.size(); ++i) {
      const Expr& other = *conjuncts_[i].expr;
      if (i != at && other.op == Op::kIsKnown &&
          operand_text(context_, scope_, without_widening(*other.args[0])) == text) {
        return true;
      }
    }
    return false;
  }

  CheckContext& context_;
  const ExprScope& scope_;
  const std::vector<Conjunct>& conjuncts_;
  std::size_t first_new_;
  Code never_;
  bool silent_;
  std::map<std::string, Facts> facts_;
  bool found_ = false;
  bool said_nothing_ = false;
};

// A conjunct that stands among those before it already.
void warn_of_repeats(CheckContext& context, const std::vector<Conjunct>& conjuncts,
                     std::size_t first_new) {
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < conjuncts.size(); ++i) {
    const auto [earlier, is_new] = seen.emplace(cep::describe(context.plan, *conjuncts[i].expr), i);
    if (is_new || i < first_new) continue;
    const bool of_kind = earlier->second < first_new;
    Diagnostic diagnostic = make_diagnostic(
        Code::kW0026, conjuncts[i].span,
        of_kind ? "this condition was evaluated already" : "the same condition twice",
        "adds nothing");
    diagnostic.labels.push_back({conjuncts[earlier->second].span, "the first"});
    context.sink.report(std::move(diagnostic));
  }
}
}  // namespace

bool never_holds(CheckContext& context, const ExprScope& scope, const std::vector<Conjunct>& known,
                 const std::vector<const KindAlternative*>& alternatives,
                 const std::vector<Conjunct>& condition) {
  if (alternatives.empty()) return false;
  return std::ranges::all_of(alternatives, [&](const KindAlternative* alternative) {
    std::vector<Conjunct> all = known;
    all.insert(all.end(), alternative->conjuncts.begin(), alternative->conjuncts.end());
    all.insert(all.end(), condition.begin(), condition.end());
    return Contradictions(context, scope, all, 0, Code::kW0003, true).find();
  });
}

void warn_of_condition(CheckContext& context, const ExprScope& scope,
                       const std::vector<Conjunct>& known,
                       const std::vector<const KindAlternative*>& alternatives,
                       const std::vector<Conjunct>& condition, Code never) {
  const std::vector<Conjunct> nothing;
  // Of several kinds of events another may be what the rule takes.
  if (never == Code::kE0441 && alternatives.size() > 1 &&
      !never_holds(context, scope, known, alternatives, condition)) {
    never = Code::kW0003;
  }
  std::size_t first_new = known.size();
  std::vector<Conjunct> all;
  for (std::size_t i = 0; i < std::max<std::size_t>(alternatives.size(), 1); ++i) {
    const std::vector<Conjunct>& asked =
        alternatives.empty() ? nothing : alternatives[i]->conjuncts;
    all = known;
    all.insert(all.end(), asked.begin(), asked.end());
    first_new = all.size();
    all.insert(all.end(), condition.begin(), condition.end());
    Contradictions contradictions(context, scope, all, first_new, never);
    if (contradictions.find() || contradictions.said_nothing()) return;
  }
  // What only one alternative asks already is news for the others.
  if (alternatives.size() > 1) {
    all = condition;
    first_new = 0;
  }
  warn_of_repeats(context, all, first_new);
  warn_of_missing_under_not(context, all, first_new);
}
}  // namespace tocsin::rules

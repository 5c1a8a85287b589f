#include "rules/explain/expression_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "cep/data/functions.h"
#include "cep/plan/feature.h"
#include "cep/plan/function_name.h"
#include "cep/plan/plan.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"

namespace tocsin::rules {
using cep::Expr;
using cep::ExprPtr;
using cep::Op;

namespace {
// How tightly an expression binds; one that binds less than its place asks for stands in
// parentheses.
enum Tightness { kLoosest, kOr, kAnd, kNot, kComparison, kSum, kProduct, kUnary, kPrimary };

std::string quoted(std::string_view text) {
  std::string out;
  cep::append_json_string(out, text);
  return out;
}
// As an operand these words are never names.
std::string name_text(std::string_view name) {
  constexpr std::array kNever = {"not", "true", "false", "if", "prev"};
  for (const std::string_view word : kNever) {
    if (name == word) return fmt::format("`{}`", name);
  }
  return std::string(name);
}

struct Infix {
  const char* text;
  Tightness own;
  Tightness left;
  Tightness right;
};
std::optional<Infix> infix(Op op) {
  switch (op) {
    case Op::kOr:
      return Infix{" or ", kOr, kAnd, kAnd};
    case Op::kAnd:
      return Infix{" and ", kAnd, kNot, kNot};
    case Op::kEqual:
      return Infix{" = ", kComparison, kSum, kSum};
    case Op::kNotEqual:
      return Infix{" != ", kComparison, kSum, kSum};
    case Op::kLess:
      return Infix{" < ", kComparison, kSum, kSum};
    case Op::kLessEqual:
      return Infix{" <= ", kComparison, kSum, kSum};
    case Op::kGreater:
      return Infix{" > ", kComparison, kSum, kSum};
    case Op::kGreaterEqual:
      return Infix{" >= ", kComparison, kSum, kSum};
    case Op::kContains:
      return Infix{" contains ", kComparison, kSum, kSum};
    case Op::kContainsWord:
      return Infix{" contains word ", kComparison, kSum, kSum};
    case Op::kStartsWith:
      return Infix{" starts with ", kComparison, kSum, kSum};
    case Op::kEndsWith:
      return Infix{" ends with ", kComparison, kSum, kSum};
    case Op::kAdd:
      return Infix{" + ", kSum, kSum, kProduct};
    case Op::kSubtract:
      return Infix{" - ", kSum, kSum, kProduct};
    case Op::kMultiply:
      return Infix{" * ", kProduct, kProduct, kUnary};
    case Op::kDivide:
      return Infix{" / ", kProduct, kProduct, kUnary};
    case Op::kModulo:
      return Infix{" % ", kProduct, kProduct, kUnary};
    default:
      return std::nullopt;
  }
}

// Writes the expressions of one rule, or of none.
class Writer {
 public:
  Writer(const cep::Plan& plan, const cep::Rule* rule) : plan_(plan), rule_(rule) {}

  std::string expr(const Expr& e, Tightness least = kLoosest) const {
    if (e.op == Op::kToFloat) return expr(*e.args[0], least);
    Tightness own = kPrimary;
    const std::string text = write(e, own);
    return own < least ? "(" + text + ")" : text;
  }

  std::string feature(const cep::Feature& feature) const {
    const std::string kinds = kinds_text(feature.events);
    std::string inside = feature.argument ? expr(*feature.argument) + " of " + kinds : kinds;
    if (feature.where) inside += " where " + expr(*feature.where);
    if (feature.unless_alerted_by) {
      inside += " unless alerted by " + plan_.rules[feature.unless_alerted_by->value].name;
    }
    if (feature.half_life) inside += ", half life " + duration_text(*feature.half_life);
    if (feature.weight) {
      inside += ", weight " + cep::to_text(cep::Value::floating(*feature.weight));
    }
    if (traits_of(feature.aggregate).parameter == cep::AggregateParameter::kPercentage) {
      inside += ", " + cep::to_text(cep::Value::floating(feature.percentile));
    }
    const bool of_all = feature.key.parts.empty() && !(rule_ && rule_->key.parts.empty());
    return fmt::format("{}({}) over {}{}", cep::aggregate_name(feature.aggregate), inside,
                       of_all ? "all " : "", window(feature.window));
  }

  std::string window(const cep::FeatureWindow& window) const {
    std::string text = range(window);
    if (window.where()) text += " where (" + expr(*window.where()) + ")";
    if (window.excluding()) text += " excluding last " + duration_text(*window.excluding());
    if (window.every()) text += " every " + duration_text(*window.every());
    if (window.needs) text += fmt::format(" needs {} events", *window.needs);
    return text;
  }

 private:
  std::string range(const cep::FeatureWindow& window) const {
    const std::string duration = window.duration() ? duration_text(*window.duration()) : "";
    switch (window.kind()) {
      case cep::WindowKind::kLast:
        return "last " + duration;
      case cep::WindowKind::kPrevious:
        return "previous " + duration;
      case cep::WindowKind::kTumbling:
        return "tumbling " + duration;
      case cep::WindowKind::kCalendar:
        if (window.unit() != cep::CalendarUnit::kDay) {
          return fmt::format("this {} in {}", cep::unit_name(window.unit()), expr(*window.zone()));
        }
        return "today in " + expr(*window.zone());
      case cep::WindowKind::kSession:
        return "session gap " + duration;
      case cep::WindowKind::kEver:
        return "ever";
      case cep::WindowKind::kPreviousEver:
        return "previous ever";
      case cep::WindowKind::kLastEvents:
        return fmt::format("last {} events", *window.events());
      case cep::WindowKind::kPreviousEvents:
        return fmt::format("previous {} events", *window.events()) +
               (window.duration() ? " within " + duration : "");
    }
    return {};
  }

  std::string variable(cep::VarIndex var) const {
    const std::string& name = rule_->variables[var.value].name;
    return name.empty() ? fmt::format("step{}", var.value + 1) : name_text(name);
  }
  std::string list(const Expr& e) const {
    return plan_.lists[e.as<cep::ListLookup>().list.value].name;
  }
  std::string args(const Expr& e, std::size_t from = 0) const {
    std::string out;
    for (std::size_t i = from; i < e.args.size(); ++i) {
      out += (out.empty() ? "" : ", ") + expr(*e.args[i]);
    }
    return out;
  }
  static std::string regex(const cep::RegexLiteral& literal) {
    return regex_text(literal.text, literal.ignore_case);
  }
  std::string column(const Expr& e, std::size_t key_from) const {
    const auto& read = e.as<cep::ColumnRead>();
    const cep::Table& table = plan_.tables[read.table.value];
    return fmt::format("{}[{}].{}", table.name, args(e, key_from), table.columns[read.column].name);
  }

  // What an aggregate goes over: `probes`, `probes.amount`, `burst.signup where …`.
  std::string aggregate(const Expr& e) const {
    std::string subject = variable(*variable_of(e));
    const Expr* condition = e.args.size() > 1 ? e.args[1].get() : nullptr;
    std::string where;
    const auto add = [&](const std::string& text) {
      where += (where.empty() ? " where " : " and ") + text;
    };
    if (condition != nullptr && condition->op == Op::kAnd) {
      for (const ExprPtr& part : condition->args) add(expr(*part, kNot));
    } else if (condition != nullptr) {
      add(expr(*condition));
    }
    if (e.args.empty() || !e.args[0]) return subject + where;
    if (e.args[0]->op == Op::kField) return subject + "." + field_of(*e.args[0])->name + where;
    return expr(*e.args[0]) + " of " + subject + where;
  }
  std::string in_kinds(const Expr& e) const {
    std::string out = "is ";
    const std::vector<cep::EventTypeIndex>& types = e.as<cep::KindTest>().types;
    for (std::size_t i = 0; i < types.size(); ++i) {
      if (i > 0) out += " or ";
      out += plan_.event_types[types[i].value].name;
      if (i < e.args.size() && e.args[i]) out += " where " + expr(*e.args[i], kNot);
    }
    return out;
  }
  std::string bound(const Expr& e) const {
    const auto& read = e.as<cep::BoundField>();
    std::string out = variable(read.var);
    if (read.which == cep::Which::kFirst) out += ".first";
    if (read.which == cep::Which::kLast && rule_->variables[read.var.value].loop) out += ".last";
    if (!e.args.empty()) return out + "." + plan_.features[feature_of(*e.args[0]).value].name;
    return out + "." + read.field.name;
  }
  std::string call(const Expr& e) const {
    const auto& made = e.as<cep::FunctionCall>();
    if (made.function == cep::Function::kCapture) {
      const cep::Value group = literal_of(*e.args[1]);
      return fmt::format("capture({}, {}{})", expr(*e.args[0]), regex(*made.regex),
                         group.number == 0 ? std::string() : ", " + cep::to_text(group));
    }
    return fmt::format("{}({})", cep::function_name(made.function), args(e));
  }
  std::string feature_read(const Expr& e) const {
    const cep::Feature& read = plan_.features[feature_of(e).value];
    std::string text = read.name.starts_with('$') ? feature(read) : name_text(read.name);
    if (!e.args.empty()) text += "(" + args(e) + ")";
    return text;
  }

  std::string write(const Expr& e, Tightness& own) const {
    if (const std::optional<Infix> op = infix(e.op)) {
      own = op->own;
      std::string out = expr(*e.args[0], op->left);
      for (std::size_t i = 1; i < e.args.size(); ++i) out += op->text + expr(*e.args[i], op->right);
      return out;
    }
    const auto compared = [&](std::string_view with) {
      own = kComparison;
      return fmt::format("{} {}", expr(*e.args[0], kSum), with);
    };
    switch (e.op) {
      case Op::kLiteral:
        return value_text(literal_of(e));
      case Op::kField:
        return name_text(field_of(e)->name);
      case Op::kPrev:
        return "prev." + field_of(e)->name;
      case Op::kBound:
        return bound(e);
      case Op::kAggregate:
        return fmt::format("{}({})", cep::aggregate_name(e.as<cep::VariableAggregate>().aggregate),
                           aggregate(e));
      case Op::kFeature:
        return feature_read(e);
      case Op::kKey:
        return name_text(rule_->key.parts[e.as<cep::KeyRead>().part].name);
      case Op::kIsBound:
        own = kComparison;
        return variable(*variable_of(e)) + " is known";
      case Op::kInLoop: {
        const Expr& element = e.args[1]->op == Op::kToFloat ? *e.args[1]->args[0] : *e.args[1];
        return compared("in " + variable(*variable_of(e)) + "." + field_of(element)->name);
      }
      case Op::kIn:
        return compared("in " + list(e));
      case Op::kInValues:
        return compared("in [" + args(e, 1) + "]");
      case Op::kInTable:
        return compared("in " + column(e, 1));
      case Op::kBetween:
        return compared("between " + expr(*e.args[1], kSum) + " and " + expr(*e.args[2], kSum));
      case Op::kIsMissing:
        return compared("is missing");
      case Op::kIsKnown:
        return compared("is known");
      case Op::kMatches:
        return compared("matches " + regex(e.as<cep::RegexLiteral>()));
      case Op::kMatchesAnyOf:
        return compared("matches any of " + list(e));
      case Op::kContainsAnyOf:
        return compared("contains any of " + list(e));
      case Op::kContainsAnyWordOf:
        return compared("contains any word of " + list(e));
      case Op::kMatched:
        return fmt::format("matched({}, {})", expr(*e.args[0]), list(e));
      case Op::kTable:
        return column(e, 0);
      case Op::kIf:
        own = kLoosest;
        return fmt::format("if {} then {} else {}", expr(*e.args[0]), expr(*e.args[1]),
                           expr(*e.args[2]));
      case Op::kCoalesce:
        return "coalesce(" + args(e) + ")";
      case Op::kNot:
        own = kNot;
        return "not " + expr(*e.args[0], kNot);
      case Op::kNegate:
        own = kUnary;
        return "-" + expr(*e.args[0], kUnary);
      case Op::kCall:
        return call(e);
      case Op::kInKinds:
        own = kComparison;
        return in_kinds(e);
      default:
        return {};
    }
  }

  const cep::Plan& plan_;
  const cep::Rule* rule_;
};
}  // namespace

std::string expression_text(const cep::Plan& plan, const cep::Rule* rule, const Expr& expr) {
  return Writer(plan, rule).expr(expr);
}
std::string feature_text(const cep::Plan& plan, const cep::Feature& feature) {
  return Writer(plan, nullptr).feature(feature);
}
std::string window_text(const cep::Plan& plan, const cep::FeatureWindow& window) {
  return Writer(plan, nullptr).window(window);
}
std::string kinds_text(const std::vector<cep::Subset>& kinds) {
  std::vector<std::string_view> names;
  for (const cep::Subset& kind : kinds) {
    if (std::find(names.begin(), names.end(), kind.name) == names.end()) {
      names.emplace_back(kind.name);
    }
  }
  return fmt::format("{}", fmt::join(names, " or "));
}
std::string regex_text(std::string_view pattern, bool ignore_case) {
  std::string out = "/";
  bool escaped = false;
  for (const char c : pattern) {
    if (c == '/' && !escaped) out += '\\';
    out += c;
    escaped = c == '\\' && !escaped;
  }
  return out + (ignore_case ? "/i" : "/");
}
std::string duration_text(cep::Duration duration) {
  constexpr std::int64_t kWeekUs = 7 * cep::kDayUs;
  if (duration.us == 0 || duration.us % kWeekUs != 0) return cep::format_duration(duration);
  return fmt::format("{}d", duration.us / cep::kDayUs);
}
std::string value_text(const cep::Value& value) {
  if (value.kind == cep::ValueKind::kDuration) {
    return duration_text({static_cast<std::int64_t>(value.number)});
  }
  if (value.kind == cep::ValueKind::kString) return quoted(value.text);
  std::string text = cep::to_text(value);
  // The zeros of a fraction's nine digits say nothing.
  if (value.kind == cep::ValueKind::kFraction && text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text;
}
}  // namespace tocsin::rules

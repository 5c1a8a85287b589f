#include "tests/support/expression_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "cep/base/assert.h"
#include "cep/plan/feature.h"
#include "cep/plan/reference.h"
#include "tests/support/plan_walk.h"

namespace tocsin::tests {
using cep::Expr;
using cep::Function;
using cep::Op;
using cep::Subset;
using cep::Value;
using cep::ValueKind;

namespace {
constexpr std::array kFunctionNames = {
    "abs",     "round", "floor",       "ceil",  "sqrt",       "ln",        "exp",       "pow",
    "min",     "max",   "lower",       "upper", "length",     "substring", "normalize", "hour",
    "weekday", "date",  "distance_km", "ip_in", "similarity", "concat",    "split",     "capture"};
static_assert(kFunctionNames.size() == static_cast<std::size_t>(Function::kCapture) + 1);

const char* operator_text(Op op) {
  switch (op) {
    case Op::kAnd:
      return "and";
    case Op::kOr:
      return "or";
    case Op::kAdd:
      return "+";
    case Op::kSubtract:
      return "-";
    case Op::kMultiply:
      return "*";
    case Op::kDivide:
      return "/";
    case Op::kModulo:
      return "%";
    case Op::kEqual:
      return "=";
    case Op::kNotEqual:
      return "!=";
    case Op::kLess:
      return "<";
    case Op::kLessEqual:
      return "<=";
    case Op::kGreater:
      return ">";
    case Op::kGreaterEqual:
      return ">=";
    case Op::kContains:
      return "contains";
    case Op::kContainsWord:
      return "contains word";
    case Op::kStartsWith:
      return "starts with";
    case Op::kEndsWith:
      return "ends with";
    default:
      return nullptr;
  }
}

std::string variable(const cep::Rule* rule, cep::VarIndex var) {
  return rule->variables[var.value].name;
}
std::string regex_source(const cep::RegexLiteral& regex) {
  return fmt::format("/{}/{}", regex.text, regex.ignore_case ? "i" : "");
}
}  // namespace

std::string quoted(std::string_view text) {
  std::string out;
  cep::append_json_string(out, text);
  return out;
}

std::string literal_source(const Value& value) {
  switch (value.kind) {
    case ValueKind::kString:
      return quoted(value.text);
    case ValueKind::kFloat: {
      const std::string text = cep::to_text(value);
      return text.find('e') == std::string::npos ? text + "e0" : text;
    }
    default:
      return cep::to_text(value);
  }
}

ExpressionPrinter::ExpressionPrinter(const cep::Plan& plan) : plan_(plan) { collect_kinds(); }

// ---- kinds: subsets that bear another name than their event type and are no role

bool ExpressionPrinter::is_kind(const Subset& subset) const {
  return subset.role != subset.name && subset.name != plan_.event_types[subset.type.value].name;
}

void ExpressionPrinter::collect_kinds() {
  const auto collect = [&](const std::vector<Subset>& subsets) {
    for (const Subset& subset : subsets) {
      if (!is_kind(subset) || kinds_.contains(subset.name)) continue;
      std::vector<Subset> all;
      std::copy_if(subsets.begin(), subsets.end(), std::back_inserter(all),
                   [&](const Subset& other) { return other.name == subset.name; });
      kinds_[subset.name] = std::move(all);
    }
  };
  std::set<cep::FeatureIndex> read;
  for (const cep::Rule& rule : plan_.rules) {
    walk(rule, [&](const Expr& e) {
      if (e.op == Op::kFeature) read.insert(feature_of(e));
    });
  }
  for (std::size_t f = 0; f < plan_.features.size(); ++f) {
    // One without a name stands where it is read.
    const cep::Feature& feature = plan_.features[f];
    if (!is_unnamed(feature) || read.contains(cep::FeatureIndex(f))) collect(feature.events);
  }
  for (const cep::Rule& rule : plan_.rules) {
    walk_elements(rule.pattern, [&](const cep::Element& element) {
      collect(element.events());
      collect(element.until_events());
    });
    if (rule.window) collect(rule.window->events);
    if (rule.without) collect(rule.without->events);
    collect(rule.considered);
  }
}

std::string ExpressionPrinter::name_of(const Subset& subset) const {
  const cep::EventType& type = plan_.event_types[subset.type.value];
  if (is_kind(subset) || !type.is_alert()) return subset.name;
  return type.alert_of ? "alert " + plan_.rules[type.alert_of->value].name : "any alert";
}

std::string ExpressionPrinter::kinds(const std::vector<Subset>& subsets) const {
  std::string out;
  const Subset* last = nullptr;
  for (const Subset& subset : subsets) {
    if (last != nullptr && last->name == subset.name && is_kind(subset)) continue;
    out += (out.empty() ? "" : " or ") + name_of(subset);
    last = &subset;
  }
  return out;
}

// The kind or event type that a test of an aggregate's elements asks for.
std::string ExpressionPrinter::kind_inside(const Expr& in_kinds) const {
  const std::vector<cep::EventTypeIndex>& types = in_kinds.as<cep::KindTest>().types;
  const auto all = [&](std::size_t i) { return in_kinds.args[i] == nullptr; };
  if (types.size() == 1 && all(0)) return plan_.event_types[types[0].value].name;
  for (const auto& [name, subsets] : kinds_) {
    bool same = subsets.size() == types.size();
    for (std::size_t i = 0; same && i < types.size(); ++i) {
      same = std::any_of(subsets.begin(), subsets.end(), [&](const Subset& subset) {
        if (subset.type != types[i] || all(i) != !subset.condition) return false;
        return all(i) ||
               cep::describe(plan_, *subset.condition) == cep::describe(plan_, *in_kinds.args[i]);
      });
    }
    if (same) return name;
  }
  TOCSIN_ASSERT(false, "random plans ask for kinds that the rule names");
}

// ---- aggregates

std::string ExpressionPrinter::loop_aggregate(const cep::Rule* rule, const Expr& e) const {
  const auto& over = e.as<cep::VariableAggregate>();
  std::string inside = variable(rule, over.var);
  const Expr* where = e.args.size() > 1 ? e.args[1].get() : nullptr;
  std::string condition;
  if (where != nullptr) {
    const Expr* kind = where->op == Op::kInKinds ? where : nullptr;
    if (where->op == Op::kAnd && where->args.front()->op == Op::kInKinds) {
      kind = where->args.front().get();
      for (std::size_t i = 1; i < where->args.size(); ++i) {
        condition += (i > 1 ? " and " : " where ") + expr(rule, *where->args[i]);
      }
    } else if (kind == nullptr) {
      condition = " where " + expr(rule, *where);
    }
    if (kind != nullptr) inside += "." + kind_inside(*kind);
  }
  if (!e.args.empty() && e.args[0]) inside += "." + field_of(*e.args[0])->name;
  return fmt::format("{}({}{})", cep::aggregate_name(over.aggregate), inside, condition);
}

std::string ExpressionPrinter::feature_call(const cep::Feature& feature) const {
  std::string inside = kinds(feature.events);
  if (feature.argument) inside = expr(nullptr, *feature.argument) + " of " + inside;
  if (feature.where) inside += " where " + expr(nullptr, *feature.where);
  if (feature.unless_alerted_by) {
    inside += " unless alerted by " + plan_.rules[feature.unless_alerted_by->value].name;
  }
  if (feature.half_life) inside += ", half life " + cep::format_duration(*feature.half_life);
  if (feature.weight) inside += fmt::format(", weight {}", *feature.weight);
  if (traits_of(feature.aggregate).parameter == cep::AggregateParameter::kPercentage) {
    inside += fmt::format(", {}", feature.percentile);
  }
  return fmt::format("{}({})", cep::aggregate_name(feature.aggregate), inside);
}

std::string ExpressionPrinter::window(const cep::FeatureWindow& window) const {
  const auto length = [&] { return cep::format_duration(*window.duration()); };
  std::string out;
  switch (window.kind()) {
    case cep::WindowKind::kLast:
      out = "last " + length();
      if (window.excluding()) out += " excluding last " + cep::format_duration(*window.excluding());
      break;
    case cep::WindowKind::kPrevious:
      out = "previous " + length();
      break;
    case cep::WindowKind::kTumbling:
      out = "tumbling " + length();
      break;
    case cep::WindowKind::kCalendar:
      out = window.unit() == cep::CalendarUnit::kDay
                ? std::string("today in ")
                : fmt::format("this {} in ", cep::unit_name(window.unit()));
      out += expr(nullptr, *window.zone());
      break;
    case cep::WindowKind::kSession:
      out = "session gap " + length();
      break;
    case cep::WindowKind::kEver:
      out = "ever";
      break;
    case cep::WindowKind::kPreviousEver:
      out = "previous ever";
      break;
    case cep::WindowKind::kLastEvents:
      out = fmt::format("last {} events", *window.events());
      break;
    case cep::WindowKind::kPreviousEvents:
      out = fmt::format("previous {} events", *window.events());
      if (window.duration()) out += " within " + length();
      break;
  }
  if (window.where()) out += " where (" + expr(nullptr, *window.where()) + ")";
  if (window.every()) out += " every " + cep::format_duration(*window.every());
  if (window.needs) out += fmt::format(" needs {} events", *window.needs);
  return out;
}

// ---- expressions

std::string ExpressionPrinter::text_search(const cep::Rule* rule, const Expr& e) const {
  const std::string operand = expr(rule, *e.args[0]);
  const auto list = [&] { return plan_.lists[e.as<cep::ListLookup>().list.value].name; };
  const auto in_list = [&](const char* how) {
    return fmt::format("({} {} {})", operand, how, list());
  };
  switch (e.op) {
    case Op::kMatches:
      return fmt::format("({} matches {})", operand, regex_source(e.as<cep::RegexLiteral>()));
    case Op::kMatchesAnyOf:
      return in_list("matches any of");
    case Op::kContainsAnyOf:
      return in_list("contains any of");
    case Op::kContainsAnyWordOf:
      return in_list("contains any word of");
    default:
      return fmt::format("matched({}, {})", operand, list());
  }
}

std::string ExpressionPrinter::bound(const cep::Rule* rule, const Expr& e) const {
  const auto& bound = e.as<cep::BoundField>();
  std::string out = variable(rule, bound.var);
  if (bound.which == cep::Which::kFirst) out += ".first";
  if (bound.which == cep::Which::kLast && rule->variables[bound.var.value].loop) out += ".last";
  if (!e.args.empty()) return out + "." + plan_.features[feature_of(*e.args[0]).value].name;
  return out + "." + bound.field.name;
}

std::string ExpressionPrinter::feature_read(const Expr& e, const std::string& args) const {
  const cep::Feature& feature = plan_.features[feature_of(e).value];
  if (is_unnamed(feature)) {
    return feature_call(feature) + (feature.key.parts.empty() ? " over all " : " over ") +
           window(feature.window);
  }
  return e.args.empty() ? feature.name : fmt::format("{}({})", feature.name, args);
}

std::string ExpressionPrinter::call(const cep::Rule* rule, const Expr& e,
                                    const std::string& args) const {
  const auto& call = e.as<cep::FunctionCall>();
  if (call.function == Function::kCapture) {
    const std::string group =
        literal_of(*e.args[1]).number == 0 ? std::string() : ", " + expr(rule, *e.args[1]);
    return fmt::format("capture({}, {}{})", expr(rule, *e.args[0]), regex_source(*call.regex),
                       group);
  }
  return fmt::format("{}({})", kFunctionNames[static_cast<std::size_t>(call.function)], args);
}

std::string ExpressionPrinter::expr(const cep::Rule* rule, const Expr& e) const {
  const auto arg = [&](std::size_t i) { return expr(rule, *e.args[i]); };
  const auto args_from = [&](std::size_t first) {
    std::string out;
    for (std::size_t i = first; i < e.args.size(); ++i) out += (i > first ? ", " : "") + arg(i);
    return out;
  };
  if (const char* op = operator_text(e.op)) {
    std::string out = "(" + arg(0);
    for (std::size_t i = 1; i < e.args.size(); ++i) out += fmt::format(" {} {}", op, arg(i));
    return out + ")";
  }
  switch (e.op) {
    case Op::kLiteral:
      return literal_source(literal_of(e));
    case Op::kField:
      return field_of(e)->name;
    case Op::kPrev:
      return "prev." + field_of(e)->name;
    case Op::kBound:
      return bound(rule, e);
    case Op::kAggregate:
      return loop_aggregate(rule, e);
    case Op::kFeature:
      return feature_read(e, args_from(0));
    case Op::kKey:
      return rule->key.parts[e.as<cep::KeyRead>().part].name;
    case Op::kIsBound:
      return fmt::format("({} is known)", variable(rule, *variable_of(e)));
    case Op::kInLoop:
      return fmt::format("({} in {}.{})", arg(0), variable(rule, *variable_of(e)),
                         field_of(*e.args[1])->name);
    case Op::kIn:
      return fmt::format("({} in {})", arg(0),
                         plan_.lists[e.as<cep::ListLookup>().list.value].name);
    case Op::kInValues:
      return fmt::format("({} in [{}])", arg(0), args_from(1));
    case Op::kBetween:
      return fmt::format("({} between {} and {})", arg(0), arg(1), arg(2));
    case Op::kIsMissing:
      return fmt::format("({} is missing)", arg(0));
    case Op::kIsKnown:
      return fmt::format("({} is known)", arg(0));
    case Op::kIf:
      return fmt::format("(if {} then {} else {})", arg(0), arg(1), arg(2));
    case Op::kCoalesce:
      return fmt::format("coalesce({})", args_from(0));
    case Op::kNot:
      return fmt::format("(not {})", arg(0));
    case Op::kNegate:
      return fmt::format("(-{})", arg(0));
    case Op::kToFloat:
      return arg(0);  // the checker writes the widening out
    case Op::kTable: {
      const auto& read = e.as<cep::ColumnRead>();
      const cep::Table& table = plan_.tables[read.table.value];
      return fmt::format("{}[{}].{}", table.name, args_from(0), table.columns[read.column].name);
    }
    case Op::kInTable: {
      const auto& read = e.as<cep::ColumnRead>();
      const cep::Table& table = plan_.tables[read.table.value];
      return fmt::format("({} in {}[{}].{})", arg(0), table.name, args_from(1),
                         table.columns[read.column].name);
    }
    case Op::kMatches:
    case Op::kMatchesAnyOf:
    case Op::kContainsAnyOf:
    case Op::kContainsAnyWordOf:
    case Op::kMatched:
      return text_search(rule, e);
    case Op::kCall:
      return call(rule, e, args_from(0));
    default:
      break;
  }
  TOCSIN_ASSERT(false, "all other operators stand above");
}
}  // namespace tocsin::tests

// Long because it is one table: the words for every operator and function.
#include "rules/explain/explain_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cep/plan/expr_walk.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"
#include "rules/explain/expression_text.h"

namespace tocsin::rules {
using cep::Expr;
using cep::ExprPtr;
using cep::Op;
using cep::Subset;
using cep::TypeKind;

std::string listed(const std::vector<std::string>& items, std::string_view conjunction) {
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += i + 1 == items.size() ? fmt::format(" {} ", conjunction) : ", ";
    out += items[i];
  }
  return out;
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

namespace {
// Each kind once, as the rule names it.
std::vector<const Subset*> by_name(const std::vector<Subset>& kinds) {
  std::vector<const Subset*> out;
  for (const Subset& kind : kinds) {
    const bool known = std::any_of(out.begin(), out.end(),
                                   [&](const Subset* other) { return other->name == kind.name; });
    if (!known) out.push_back(&kind);
  }
  return out;
}
bool is_alert(const cep::Plan& plan, const Subset& kind) {
  const cep::EventType& type = plan.event_types[kind.type.value];
  return type.is_alert() && kind.name == type.name;
}
std::string kind_words(const cep::Plan& plan, const std::vector<Subset>& kinds, bool plural) {
  std::vector<std::string> events;
  std::vector<std::string> all;
  for (const Subset* kind : by_name(kinds)) {
    if (!is_alert(plan, *kind)) events.push_back(in_code(kind->name));
  }
  if (!events.empty()) all.push_back(listed(events, "or") + (plural ? " events" : ""));
  for (const Subset* kind : by_name(kinds)) {
    if (!is_alert(plan, *kind)) continue;
    const cep::EventType& type = plan.event_types[kind->type.value];
    const std::string noun = plural ? "alerts of " : "alert of ";
    all.push_back(noun + (type.alert_of ? in_code(plan.rules[type.alert_of->value].name)
                                        : std::string("any rule")));
  }
  return listed(all, "or");
}

bool is_time(const Expr& expr) {
  return expr.type.kind == TypeKind::kTime || expr.type.kind == TypeKind::kDate;
}
bool is_atomic_condition(const Expr& expr) { return expr.op != Op::kAnd && expr.op != Op::kOr; }

// The verb of a comparison; `negated` says that it is known not to hold.
std::string verb(Op op, bool time, bool negated) {
  switch (op) {
    case Op::kEqual:
      return negated ? "is not" : "is";
    case Op::kNotEqual:
      return negated ? "does not differ from" : "differs from";
    case Op::kLess:
      return std::string(negated ? "is not " : "is ") + (time ? "before" : "less than");
    case Op::kLessEqual:
      return std::string(negated ? "is not " : "is ") + (time ? "at or before" : "at most");
    case Op::kGreater:
      return std::string(negated ? "is not " : "is ") + (time ? "after" : "more than");
    default:
      return std::string(negated ? "is not " : "is ") + (time ? "at or after" : "at least");
  }
}
const char* symbol(Op op) {
  switch (op) {
    case Op::kAdd:
      return " + ";
    case Op::kSubtract:
      return " - ";
    case Op::kMultiply:
      return " * ";
    case Op::kDivide:
      return " / ";
    default:
      return " % ";
  }
}
// "1 digit", "2 digits".
std::string digits(const Expr& expr) {
  const std::string text = value_text(literal_of(expr));
  return text + (text == "1" ? " digit" : " digits");
}
}  // namespace

std::string kind_noun(const cep::Plan& plan, const std::vector<Subset>& kinds) {
  return kind_words(plan, kinds, false);
}
std::string kind_plural(const cep::Plan& plan, const std::vector<Subset>& kinds) {
  return kind_words(plan, kinds, true);
}

std::string Words::variable(cep::VarIndex var) const {
  const std::string& name = rule_->variables[var.value].name;
  return name.empty() ? fmt::format("step {}", var.value + 1) : in_code(name);
}

// ---- values

std::string Words::value(const Expr& expr) const { return value(expr, Place::kAlone); }

std::string Words::value(const Expr& expr, Place place) const {
  switch (expr.op) {
    case Op::kLiteral:
      return value_text(literal_of(expr));
    case Op::kField:
      return in_code(field_of(expr)->name);
    case Op::kBound:
      if (!expr.args.empty()) return feature(*expr.args[0]) + " as of " + bound(expr);
      return in_code(field_of(expr)->name) + " of " + bound(expr);
    case Op::kPrev:
      return in_code(field_of(expr)->name) + " of the event before it in the loop";
    case Op::kAggregate:
      return aggregate(expr);
    case Op::kFeature:
      return feature(expr);
    case Op::kKey:
      return in_code(rule_->key.parts[expr.as<cep::KeyRead>().part].name);
    case Op::kToFloat:
      return value(*expr.args[0], place);
    case Op::kTable:
      return fmt::format("{} {}", in_code(column_name(expr)), row(expr, 0));
    case Op::kMatched:
      return fmt::format("the first thing of the list {} in {}",
                         in_code(plan_.lists[expr.as<cep::ListLookup>().list.value].name),
                         value(*expr.args[0]));
    case Op::kIf:
      return fmt::format("({} if {}, otherwise {})", value(*expr.args[1]), condition(*expr.args[0]),
                         value(*expr.args[2]));
    case Op::kCoalesce: {
      std::vector<std::string> values;
      for (const ExprPtr& arg : expr.args) values.push_back(value(*arg));
      return fmt::format("the first of {} that is known", listed(values, "and"));
    }
    case Op::kNegate:
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply:
    case Op::kDivide:
    case Op::kModulo:
      return arithmetic(expr, place);
    case Op::kCall: {
      using cep::Function;
      constexpr std::array kStandsBehind = {Function::kRound, Function::kFloor, Function::kCeil,
                                            Function::kExp, Function::kPow};
      const bool loose = std::find(kStandsBehind.begin(), kStandsBehind.end(),
                                   *function_of(expr)) != kStandsBehind.end();
      return loose && place > Place::kOperand ? "(" + call(expr) + ")" : call(expr);
    }
    default:
      // A condition as a value.
      return fmt::format("whether {}", condition(expr));
  }
}

std::string Words::bound(const Expr& expr) const {
  const auto& read = expr.as<cep::BoundField>();
  const bool loop = rule_->variables[read.var.value].loop;
  if (read.which == cep::Which::kFirst) return "the first of " + variable(read.var);
  if (read.which == cep::Which::kLast && loop) return "the last of " + variable(read.var);
  return variable(read.var);
}

// The time of an event less that of a step's event.
std::optional<std::string> Words::time_since(const Expr& expr) const {
  if (expr.op != Op::kSubtract || expr.type.kind != TypeKind::kDuration) return std::nullopt;
  const Expr& now = *expr.args[0];
  const Expr& then = *expr.args[1];
  if (now.op != Op::kField || then.op != Op::kBound) return std::nullopt;
  for (const Expr* side : {&now, &then}) {
    for (const auto& [type, field] : field_of(*side)->by_type) {
      if (plan_.event_types[type.value].time_field != field) return std::nullopt;
    }
  }
  return "the time since " + bound(then);
}

std::string Words::arithmetic(const Expr& expr, Place place) const {
  if (const std::optional<std::string> since = time_since(expr)) return *since;
  if (expr.op == Op::kNegate) return "-" + value(*expr.args[0], Place::kTight);
  const bool sum = expr.op == Op::kAdd || expr.op == Op::kSubtract;
  const Place left = sum ? Place::kOperand : Place::kSum;
  const Place right = sum ? Place::kSum : Place::kProduct;
  std::string out = value(*expr.args[0], left);
  for (std::size_t i = 1; i < expr.args.size(); ++i) {
    out += symbol(expr.op) + value(*expr.args[i], right);
  }
  return place > (sum ? Place::kOperand : Place::kSum) ? "(" + out + ")" : out;
}

std::string Words::aggregate(const Expr& expr) const {
  const auto& over = expr.as<cep::VariableAggregate>();
  // All that a window collected has one name.
  const std::string loop = (rule_->window ? "the events in " : "") + variable(over.var);
  const Expr* only = expr.args.size() > 1 ? expr.args[1].get() : nullptr;
  std::string which = " over " + loop;
  std::string number =
      std::string("the number of ") + (rule_->window ? "events in " : "") + variable(over.var);
  // A part of a window: `burst.signup`.
  const Expr* kinds = nullptr;
  std::vector<std::string> more;
  if (only != nullptr) {
    std::vector<const Expr*> parts = {only};
    if (only->op == Op::kAnd) {
      parts.clear();
      for (const ExprPtr& part : only->args) parts.push_back(part.get());
    }
    const Words element(plan_, rule_);
    for (const Expr* part : parts) {
      if (part->op == Op::kInKinds && kinds == nullptr) {
        kinds = part;
      } else {
        more.push_back(element.condition(*part));
      }
    }
  }
  if (kinds != nullptr) {
    which = fmt::format(" over the {} in {}", in_kinds(*kinds), variable(over.var));
    number = fmt::format("the number of {} in {}", in_kinds(*kinds), variable(over.var));
  }
  std::string filter;
  if (!more.empty()) filter = " for which " + listed(more);
  const std::string own = own_ && *own_ == over.var ? " (this one included)" : "";
  if (expr.args.empty() || !expr.args[0]) return number + filter + own;
  const std::string what = value(*expr.args[0], Place::kAlone);
  return fmt::format("{} {}{}{}{}", traits_of(over.aggregate).words, what, which, filter, own);
}

std::string Words::call(const Expr& expr) const {
  const auto arg = [&](std::size_t i) { return value(*expr.args[i], Place::kTight); };
  std::vector<std::string> all;
  for (const ExprPtr& a : expr.args) all.push_back(value(*a));
  using cep::Function;
  const auto& made = expr.as<cep::FunctionCall>();
  switch (made.function) {
    case Function::kAbs:
      return "the absolute value of " + arg(0);
    case Function::kRound:
      return arg(0) + " rounded to " +
             (expr.args.size() > 1 ? digits(*expr.args[1]) : std::string("a whole number"));
    case Function::kFloor:
      return arg(0) + " rounded down";
    case Function::kCeil:
      return arg(0) + " rounded up";
    case Function::kSqrt:
      return "the square root of " + arg(0);
    case Function::kLn:
      return "the natural logarithm of " + arg(0);
    case Function::kExp:
      return "e to the power of " + arg(0);
    case Function::kPow:
      return arg(0) + " to the power of " + arg(1);
    case Function::kMin:
      return "the least of " + listed(all);
    case Function::kMax:
      return "the greatest of " + listed(all);
    case Function::kLower:
      return arg(0) + " in lower case";
    case Function::kUpper:
      return arg(0) + " in upper case";
    case Function::kLength:
      return "the number of characters of " + arg(0);
    case Function::kSubstring:
      return expr.args.size() > 2
                 ? fmt::format("the {} characters of {} from character {} on", arg(2), arg(0),
                               arg(1))
                 : fmt::format("the part of {} from character {} on", arg(0), arg(1));
    case Function::kNormalize:
      return arg(0) + " without accents and capitals";
    case Function::kHour:
      return fmt::format("the hour of {} in the time zone {}", arg(0), arg(1));
    case Function::kWeekday:
      return fmt::format("the day of the week (Monday is 1) of {} in the time zone {}", arg(0),
                         arg(1));
    case Function::kDate:
      return fmt::format("the date of {} in the time zone {}", arg(0), arg(1));
    case Function::kDistanceKm:
      return fmt::format("the distance in km from ({}, {}) to ({}, {})", all[0], all[1], all[2],
                         all[3]);
    case Function::kSimilarity:
      return fmt::format("the similarity of {} and {}", arg(0), arg(1));
    case Function::kIpIn:
      return "whether " + condition(expr);
    case Function::kConcat:
      return listed(all, "and") + " joined to one text";
    case Function::kSplit:
      return part(expr);
    case Function::kCapture: {
      const std::string regex = regex_text(made.regex->text, made.regex->ignore_case);
      const cep::Value group = literal_of(*expr.args[1]);
      if (group.number == 0) return fmt::format("what matches {} in {}", in_code(regex), arg(0));
      return fmt::format("what group {} of {} takes in {}", cep::to_text(group), in_code(regex),
                         arg(0));
    }
  }
  return {};
}

std::string Words::part(const Expr& expr) const {
  const Expr& number = *expr.args[2];
  std::string which = "part number " + value(number, Place::kTight) + " of ";
  if (number.op == Op::kLiteral) {
    const auto place = static_cast<std::int64_t>(literal_of(number).number);
    which = place > 0     ? fmt::format("part {} of ", place)
            : place == -1 ? std::string("the last part of ")
                          : fmt::format("part {} from the end of ", -place);
  }
  return fmt::format("{}{} split at {}", which, value(*expr.args[0], Place::kTight),
                     value(*expr.args[1], Place::kTight));
}

std::string Words::feature(const Expr& expr) const {
  const cep::Feature& read = plan_.features[feature_of(expr).value];
  std::string out = in_code(read.name);
  if (read.name.starts_with('$')) {
    out = feature_noun(plan_, read);
    const std::vector<std::string> where = Words(plan_, nullptr).conditions(read.where);
    if (!where.empty()) out += " (only those where " + listed(where) + ")";
    const std::vector<std::string> in_window =
        Words(plan_, nullptr).conditions(read.window.where());
    if (!in_window.empty()) {
      out += " (only events where " + listed(in_window) + " take a place among them)";
    }
  }
  if (expr.args.empty()) return out;
  std::vector<std::string> keys;
  for (const ExprPtr& arg : expr.args) keys.push_back(value(*arg));
  return out + " for " + listed(keys);
}

const std::string& Words::column_name(const Expr& expr) const {
  const auto& read = expr.as<cep::ColumnRead>();
  return plan_.tables[read.table.value].columns[read.column].name;
}

// "that the table `merchants` has for `merchant`".
std::string Words::row(const Expr& expr, std::size_t key_from) const {
  std::vector<std::string> keys;
  const cep::Table& table = plan_.tables[expr.as<cep::ColumnRead>().table.value];
  for (std::size_t i = key_from; i < expr.args.size(); ++i) {
    const bool network = table.network_key == i - key_from;
    keys.push_back((network ? "the longest network with " : "") + value(*expr.args[i]));
  }
  return fmt::format("that the table {} has for {}", in_code(table.name), listed(keys));
}

// ---- conditions

std::string Words::condition(const Expr& expr) const { return clause(expr, false); }

std::vector<std::string> Words::conditions(const ExprPtr& expr) const {
  std::vector<ExprPtr> parts;
  cep::split_conjuncts(expr, parts);
  std::vector<std::string> out;
  for (const ExprPtr& part : parts) {
    out.push_back(parts.size() > 1 ? operand(*part) : condition(*part));
  }
  return out;
}

std::vector<std::string> Words::conditions(const ExprPtr& expr, cep::VarIndex own) const {
  std::vector<ExprPtr> parts;
  cep::split_conjuncts(expr, parts);
  const bool loop = rule_->variables[own.value].loop;
  Words words = *this;
  words.own_ = own;
  std::vector<std::string> out;
  for (const ExprPtr& part : parts) {
    const ExprPtr current = cep::own_event_to_current(part, own);
    out.push_back(parts.size() > 1 ? words.operand(*current) : words.condition(*current));
    if (loop && cep::mentions_own_past(*current, own)) {
      out.back() += " (skipped for the first one)";
    }
  }
  return out;
}

// A part of an `and`: an `or` stands in parentheses.
std::string Words::operand(const Expr& expr) const {
  const std::string text = condition(expr);
  return expr.op == Op::kOr ? "(" + text + ")" : text;
}

std::string Words::clause(const Expr& expr, bool negated) const {
  const char* is = negated ? "is not" : "is";
  const auto subject = [&] { return value(*expr.args[0], Place::kOperand); };
  switch (expr.op) {
    case Op::kEqual:
    case Op::kNotEqual:
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
      return comparison(expr, negated);
    case Op::kAnd:
    case Op::kOr:
      return junction(expr, negated);
    case Op::kNot:
      return clause(*expr.args[0], !negated);
    case Op::kIsMissing:
      return fmt::format("{} {} missing", subject(), is);
    case Op::kIsKnown:
      return fmt::format("{} {} known", subject(), is);
    case Op::kIsBound:
      return fmt::format("{} {} taken an event", variable(*variable_of(expr)),
                         negated ? "has not" : "has");
    case Op::kIn: {
      const cep::List& list = plan_.lists[expr.as<cep::ListLookup>().list.value];
      return fmt::format("{} {} in {} {}", subject(), is,
                         list.kind != cep::ListKind::kNetwork ? "the list"
                         : negated                            ? "any network of the list"
                                                              : "a network of the list",
                         in_code(list.name));
    }
    case Op::kInValues: {
      std::vector<std::string> values;
      for (std::size_t i = 1; i < expr.args.size(); ++i) values.push_back(value(*expr.args[i]));
      return fmt::format("{} {} {}", subject(), negated ? "is none of" : "is one of",
                         listed(values, negated ? "and" : "or"));
    }
    case Op::kInTable:
      return fmt::format("{} {} in the list {} {}", subject(), is, in_code(column_name(expr)),
                         row(expr, 1));
    case Op::kInLoop:
      return fmt::format("{} {} {} of {}", subject(), is,
                         negated ? "the " + value(*expr.args[1]) + " of any"
                                 : "the " + value(*expr.args[1]) + " of one",
                         variable(*variable_of(expr)));
    case Op::kBetween:
      return fmt::format("{} {} between {} and {}, both included", subject(), is,
                         value(*expr.args[1]), value(*expr.args[2]));
    case Op::kMatches:
    case Op::kMatchesAnyOf:
    case Op::kContains:
    case Op::kContainsWord:
    case Op::kContainsAnyOf:
    case Op::kContainsAnyWordOf:
    case Op::kStartsWith:
    case Op::kEndsWith:
      return text_test(expr, negated);
    case Op::kInKinds:
      return fmt::format("it {} {}", is, in_kinds(expr));
    case Op::kCall:
      if (function_of(expr) == cep::Function::kIpIn) {
        return fmt::format("{} {} in the network {}", subject(), is, value(*expr.args[1]));
      }
      break;
    default:
      break;
  }
  return fmt::format("{} is {}", value(expr, Place::kOperand), negated ? "false" : "true");
}

std::string Words::comparison(const Expr& expr, bool negated) const {
  const bool time = is_time(*expr.args[0]) || is_time(*expr.args[1]);
  return fmt::format("{} {} {}", value(*expr.args[0], Place::kOperand),
                     verb(expr.op, time, negated), value(*expr.args[1], Place::kOperand));
}

std::string Words::junction(const Expr& expr, bool negated) const {
  std::vector<std::string> parts;
  for (const ExprPtr& arg : expr.args) {
    const std::string text = condition(*arg);
    parts.push_back(is_atomic_condition(*arg) ? text : "(" + text + ")");
  }
  const std::string all = listed(parts, expr.op == Op::kAnd ? "and" : "or");
  return negated ? "this is known to be false: (" + all + ")" : all;
}

std::string Words::text_test(const Expr& expr, bool negated) const {
  const std::string subject = value(*expr.args[0], Place::kOperand);
  const auto list = [&] {
    return in_code(plan_.lists[expr.as<cep::ListLookup>().list.value].name);
  };
  const auto contains = [&](const std::string& what) {
    return fmt::format("{} {} {}", subject, negated ? "does not contain" : "contains", what);
  };
  switch (expr.op) {
    case Op::kMatches: {
      const auto& regex = expr.as<cep::RegexLiteral>();
      return fmt::format("{} {} {}", subject, negated ? "does not match" : "matches",
                         regex_text(regex.text, regex.ignore_case));
    }
    case Op::kMatchesAnyOf:
      return fmt::format("{} {} the list {}", subject,
                         negated ? "matches no pattern of" : "matches a pattern of", list());
    case Op::kContains:
      return contains(value(*expr.args[1]));
    case Op::kContainsWord:
      return contains(fmt::format("{} as a whole word", value(*expr.args[1])));
    case Op::kContainsAnyOf:
      return fmt::format("{} contains {} of the list {}", subject,
                         negated ? "nothing" : "something", list());
    case Op::kContainsAnyWordOf:
      return fmt::format("{} contains {} of the list {} as a whole word", subject,
                         negated ? "nothing" : "something", list());
    case Op::kStartsWith:
      return fmt::format("{} {} {}", subject, negated ? "does not start with" : "starts with",
                         value(*expr.args[1]));
    default:
      return fmt::format("{} {} {}", subject, negated ? "does not end with" : "ends with",
                         value(*expr.args[1]));
  }
}

std::string Words::in_kinds(const Expr& expr) const {
  const Words element(plan_, rule_);
  std::vector<std::string> kinds;
  const std::vector<cep::EventTypeIndex>& types = expr.as<cep::KindTest>().types;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const cep::EventType& type = plan_.event_types[types[i].value];
    std::string kind = in_code(type.name) + " events";
    if (i < expr.args.size() && expr.args[i]) kind += " where " + element.condition(*expr.args[i]);
    kinds.push_back(std::move(kind));
  }
  return listed(kinds, "or");
}
}  // namespace tocsin::rules

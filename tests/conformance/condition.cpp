#include "tests/conformance/condition.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace tocsin::conformance {
namespace {
// How tightly a text binds: what stands inside something tighter needs parentheses.
enum Level : std::uint8_t {
  kOrLevel,
  kAndLevel,
  kNotLevel,
  kComparisonLevel,
  kSumLevel,
  kProductLevel,
  kUnaryLevel,
  kPrimaryLevel
};
enum class Known : std::uint8_t { kNothing, kNull, kTrue, kFalse, kInteger };
// A part of a condition, and what is known of it before any event.
struct Term {
  std::string text;
  Level level = kPrimaryLevel;
  Known known = Known::kNothing;
  std::int64_t integer = 0;  // kInteger
  bool nullable = false;
  bool skips_first = false;  // reads `prev` or the loop's own `.first`

  std::string inside(Level around) const { return level < around ? "(" + text + ")" : text; }
};

Term constant(Known known) {
  Term term;
  term.known = known;
  term.nullable = known == Known::kNull;
  term.text = known == Known::kTrue ? "true" : "false";
  return term;
}
Term boolean(bool value) { return constant(value ? Known::kTrue : Known::kFalse); }
Term integer(std::int64_t value) {
  Term term;
  term.text = std::to_string(value);
  term.level = value < 0 ? kUnaryLevel : kPrimaryLevel;
  term.known = Known::kInteger;
  term.integer = value;
  return term;
}
Term primary(std::string text, bool nullable) {
  Term term;
  term.text = std::move(text);
  term.nullable = nullable;
  return term;
}

bool is_exact(const Attribute& attribute) {
  return attribute.type == "int" || attribute.type.starts_with("decimal");
}

const char* operator_text(PredicateKind kind) {
  switch (kind) {
    case PredicateKind::kAdd:
      return " + ";
    case PredicateKind::kSubtract:
      return " - ";
    case PredicateKind::kMultiply:
      return " * ";
    case PredicateKind::kDivide:
      return " / ";
    case PredicateKind::kEqual:
      return " = ";
    case PredicateKind::kNotEqual:
      return " != ";
    case PredicateKind::kLess:
      return " < ";
    case PredicateKind::kLessEqual:
      return " <= ";
    case PredicateKind::kGreater:
      return " > ";
    case PredicateKind::kGreaterEqual:
      return " >= ";
    case PredicateKind::kAnd:
      return " and ";
    case PredicateKind::kOr:
      return " or ";
    default:
      return "";
  }
}

bool compare_integers(PredicateKind kind, std::int64_t a, std::int64_t b) {
  switch (kind) {
    case PredicateKind::kEqual:
      return a == b;
    case PredicateKind::kNotEqual:
      return a != b;
    case PredicateKind::kLess:
      return a < b;
    case PredicateKind::kLessEqual:
      return a <= b;
    case PredicateKind::kGreater:
      return a > b;
    default:
      return a >= b;
  }
}

// Letters that a regular expression takes for more than themselves.
std::string escape_for_regex(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("\\/.^$|()[]{}*+?").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

class Writer {
 public:
  // `first_event`: as the loop's first event sees it, when its variable holds nothing.
  Writer(const Vocabulary& vocabulary, const std::string& own, Asked asked, bool first_event)
      : vocabulary_(vocabulary), own_(own), asked_(asked), first_event_(first_event) {}

  Term write(const Predicate& p) const {
    switch (p.kind) {
      case PredicateKind::kTrue:
        return boolean(true);
      case PredicateKind::kFalse:
        return boolean(false);
      case PredicateKind::kNumber:
        return number(p.text);
      case PredicateKind::kString:
        return primary(quote(p.text), false);
      case PredicateKind::kAttribute: {
        const Attribute* attribute = attribute_of(p.name);
        return attribute == nullptr ? constant(Known::kNull)
                                    : primary(attribute->field, attribute->nullable);
      }
      case PredicateKind::kFirst:
      case PredicateKind::kLast:
      case PredicateKind::kCount:
      case PredicateKind::kSum:
      case PredicateKind::kAvg:
      case PredicateKind::kMin:
      case PredicateKind::kMax:
        return look_back(p);
      case PredicateKind::kNegate: {
        Term arg = write(p.args[0]);
        if (arg.known == Known::kNull) return arg;
        if (arg.known == Known::kInteger) return integer(-arg.integer);
        Term term = arg;
        term.text = "-" + arg.inside(kUnaryLevel);
        term.level = kUnaryLevel;
        return term;
      }
      case PredicateKind::kAdd:
      case PredicateKind::kSubtract:
        return arithmetic(p, kSumLevel);
      case PredicateKind::kMultiply:
      case PredicateKind::kDivide:
        return arithmetic(p, kProductLevel);
      case PredicateKind::kEqual:
      case PredicateKind::kNotEqual:
      case PredicateKind::kLess:
      case PredicateKind::kLessEqual:
      case PredicateKind::kGreater:
      case PredicateKind::kGreaterEqual:
        return comparison(p);
      case PredicateKind::kLike:
        return like(p);
      case PredicateKind::kNot:
        return negation(p);
      case PredicateKind::kAnd:
      case PredicateKind::kOr:
        return junction(write(p.args[0]), write(p.args[1]), p.kind == PredicateKind::kAnd);
    }
    return constant(Known::kNull);
  }

  static Term junction(const Term& left, const Term& right, bool conjunction) {
    if (left.known == Known::kNull) return junction(boolean(false), right, conjunction);
    if (right.known == Known::kNull) return junction(left, boolean(false), conjunction);
    const Known neutral = conjunction ? Known::kTrue : Known::kFalse;
    const Known ruling = conjunction ? Known::kFalse : Known::kTrue;
    if (left.known == neutral) return right;
    if (right.known == neutral) return left;
    if (left.known == ruling || right.known == ruling) return constant(ruling);
    const Level level = conjunction ? kAndLevel : kOrLevel;
    Term term;
    term.text = left.inside(level) + (conjunction ? " and " : " or ") + right.inside(level);
    term.level = level;
    term.nullable = left.nullable || right.nullable;
    term.skips_first = left.skips_first || right.skips_first;
    return term;
  }

 private:
  static Term number(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return integer(value);
    return primary(text, false);
  }

  const Attribute* attribute_of(const std::string& name) const {
    const auto found = vocabulary_.attributes.find(name);
    return found == vocabulary_.attributes.end() || found->second.type.empty() ? nullptr
                                                                               : &found->second;
  }

  // The variable, if it can hold an event by now.
  const Variable* variable_of(const std::string& name) const {
    const auto found = vocabulary_.variables.find(name);
    const auto own = vocabulary_.variables.find(own_);
    if (found == vocabulary_.variables.end() || own == vocabulary_.variables.end()) return nullptr;
    const Variable& variable = found->second;
    if (variable.absence) return nullptr;
    if (name == own_) return variable.is_loop() && !first_event_ ? &variable : nullptr;
    // A later step holds something only when a group around both has begun another round.
    const bool shares_loop = !variable.loops.empty() && !own->second.loops.empty() &&
                             variable.loops.front() == own->second.loops.front();
    return variable.order < own->second.order || shares_loop ? &variable : nullptr;
  }

  Term look_back(const Predicate& p) const {
    const Variable* variable = variable_of(p.var);
    const bool counts = p.kind == PredicateKind::kCount || p.kind == PredicateKind::kSum;
    Term nothing = counts ? integer(0) : constant(Known::kNull);
    if (variable == nullptr) return nothing;
    const Attribute* attribute = nullptr;
    if (p.kind != PredicateKind::kCount) {
      attribute = attribute_of(p.name);
      if (attribute == nullptr) return nothing;
    }
    if (p.var == own_ && asked_ == Asked::kOfStep) return own_loop(p, *variable, attribute);
    return variable->is_loop() ? loop(p, *variable, attribute) : single(p, *variable, attribute);
  }

  Term single(const Predicate& p, const Variable& variable, const Attribute* attribute) const {
    if (p.kind == PredicateKind::kCount) {
      if (!variable.optional) return integer(1);
      return primary("(if " + variable.name + " is known then 1 else 0)", false);
    }
    const bool nullable = variable.optional || attribute->nullable;
    const std::string value = variable.name + "." + attribute->field;
    if (p.kind == PredicateKind::kSum && nullable)
      return primary("coalesce(" + value + ", 0)", false);
    return primary(value, nullable);
  }

  Term loop(const Predicate& p, const Variable& variable, const Attribute* attribute) const {
    // A later step of the same group holds nothing in the first round.
    const bool nullable = variable.optional || own().order <= variable.order ||
                          (attribute != nullptr && attribute->nullable);
    switch (p.kind) {
      case PredicateKind::kFirst:
        return primary(variable.name + ".first." + attribute->field, nullable);
      case PredicateKind::kLast:
        return primary(variable.name + ".last." + attribute->field, nullable);
      case PredicateKind::kCount:
        return primary("count(" + variable.name + ")", false);
      case PredicateKind::kSum:
        return primary(aggregate("sum", variable, *attribute), false);
      case PredicateKind::kAvg:
        return primary(aggregate("avg", variable, *attribute), nullable);
      case PredicateKind::kMin:
        return primary(aggregate("min", variable, *attribute), nullable);
      default:
        return primary(aggregate("max", variable, *attribute), nullable);
    }
  }

  // Of the loop's own earlier events alone, in a condition that counts the event on offer as taken.
  Term own_loop(const Predicate& p, const Variable& variable, const Attribute* attribute) const {
    const std::string count = "count(" + variable.name + ")";
    // In a repeated group `prev` is not all that came before: there the last of the others is asked
    // for.
    const bool in_group = !variable.loops.empty();
    Term term;
    term.nullable = true;
    switch (p.kind) {
      case PredicateKind::kFirst:
        if (in_group) return primary(of_others("first", variable, *attribute), true);
        term.text = variable.name + ".first." + attribute->field;
        term.nullable = attribute->nullable;
        term.skips_first = true;
        return term;
      case PredicateKind::kLast:
        if (in_group) return primary(of_others("last", variable, *attribute), true);
        term.text = "prev." + attribute->field;
        term.nullable = attribute->nullable;
        term.skips_first = true;
        return term;
      case PredicateKind::kCount:
        term.text = count + " - 1";
        term.level = kSumLevel;
        term.nullable = false;
        return term;
      case PredicateKind::kSum:
        if (!is_exact(*attribute)) return primary(of_others("sum", variable, *attribute), false);
        term.text = aggregate("sum", variable, *attribute) + " - " + or_zero(*attribute);
        term.level = kSumLevel;
        term.nullable = false;
        return term;
      case PredicateKind::kAvg:
        if (!is_exact(*attribute)) return primary(of_others("avg", variable, *attribute), true);
        // Of the first event: nothing by nothing, which is missing.
        term.text = "(" + aggregate("sum", variable, *attribute) + " - " + or_zero(*attribute) +
                    ") / " + other_values(variable, *attribute);
        term.level = kProductLevel;
        return term;
      case PredicateKind::kMin:
        return primary(of_others("min", variable, *attribute), true);
      default:
        return primary(of_others("max", variable, *attribute), true);
    }
  }

  static std::string aggregate(const char* name, const Variable& variable,
                               const Attribute& attribute) {
    return std::string(name) + "(" + variable.name + "." + attribute.field + ")";
  }
  std::string of_others(const char* name, const Variable& variable,
                        const Attribute& attribute) const {
    return std::string(name) + "(" + variable.name + "." + attribute.field + " where " +
           vocabulary_.index_field + " != " + variable.name + ".last." + vocabulary_.index_field +
           ")";
  }
  // How many of the loop's other events have a value.
  static std::string other_values(const Variable& variable, const Attribute& attribute) {
    if (!attribute.nullable) return "(count(" + variable.name + ") - 1)";
    return "(count(" + variable.name + " where " + attribute.field + " is known) - (if " +
           attribute.field + " is known then 1 else 0))";
  }
  static std::string or_zero(const Attribute& attribute) {
    return attribute.nullable ? "coalesce(" + attribute.field + ", 0)" : attribute.field;
  }
  const Variable& own() const { return vocabulary_.variables.at(own_); }

  Term arithmetic(const Predicate& p, Level level) const {
    const Term left = write(p.args[0]);
    const Term right = write(p.args[1]);
    if (left.known == Known::kNull || right.known == Known::kNull) return constant(Known::kNull);
    if (left.known == Known::kInteger && right.known == Known::kInteger) {
      std::int64_t value = 0;
      const bool overflow = p.kind == PredicateKind::kAdd
                                ? __builtin_add_overflow(left.integer, right.integer, &value)
                            : p.kind == PredicateKind::kSubtract
                                ? __builtin_sub_overflow(left.integer, right.integer, &value)
                            : p.kind == PredicateKind::kMultiply
                                ? __builtin_mul_overflow(left.integer, right.integer, &value)
                                : true;
      if (!overflow) return integer(value);
    }
    Term term;
    // The right side of `-` and `/` needs parentheses at its own level too.
    term.text =
        left.inside(level) + operator_text(p.kind) + right.inside(static_cast<Level>(level + 1));
    term.level = level;
    term.nullable = left.nullable || right.nullable || p.kind == PredicateKind::kDivide;
    term.skips_first = left.skips_first || right.skips_first;
    return term;
  }

  Term comparison(const Predicate& p) const {
    const Term left = write(p.args[0]);
    const Term right = write(p.args[1]);
    if (left.known == Known::kNull || right.known == Known::kNull) return boolean(false);
    if (left.known == Known::kInteger && right.known == Known::kInteger) {
      return boolean(compare_integers(p.kind, left.integer, right.integer));
    }
    Term term;
    term.text = left.inside(kSumLevel) + operator_text(p.kind) + right.inside(kSumLevel);
    term.level = kComparisonLevel;
    term.nullable = left.nullable || right.nullable;
    term.skips_first = left.skips_first || right.skips_first;
    return term;
  }

  Term like(const Predicate& p) const {
    const Term left = write(p.args[0]);
    if (left.known == Known::kNull) return boolean(false);
    const std::string& pattern = p.text;
    const std::size_t wildcards =
        static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '%'));
    const bool open_start = pattern.starts_with('%');
    const bool open_end = pattern.ends_with('%') && pattern.size() > 1;
    std::string core = pattern;
    if (open_end) core.pop_back();
    if (open_start) core.erase(0, 1);
    Term term = left;
    term.known = Known::kNothing;
    term.level = kComparisonLevel;
    const std::string subject = left.inside(kSumLevel);
    if (wildcards == 0) {
      term.text = subject + " = " + quote(pattern);
    } else if (core.empty()) {
      term.text = subject + " is known";
      term.nullable = false;
    } else if (wildcards == std::size_t{open_start} + std::size_t{open_end}) {
      term.text = subject +
                  (open_start && open_end ? " contains "
                   : open_start           ? " ends with "
                                          : " starts with ") +
                  quote(core);
    } else {
      std::string regex = "^";
      for (std::size_t begin = 0; begin <= pattern.size();) {
        const std::size_t end = std::min(pattern.find('%', begin), pattern.size());
        regex += escape_for_regex(pattern.substr(begin, end - begin));
        if (end < pattern.size()) regex += ".*";
        begin = end + 1;
      }
      term.text = subject + " matches /" + regex + "$/";
    }
    return term;
  }

  Term negation(const Predicate& p) const {
    const Term arg = write(p.args[0]);
    if (arg.known == Known::kTrue) return boolean(false);
    if (arg.known == Known::kFalse || arg.known == Known::kNull) return boolean(true);
    Term term = arg;
    // What is unknown here is false there, and `not` makes it true.
    term.text =
        arg.nullable ? "not coalesce(" + arg.text + ", false)" : "not " + arg.inside(kNotLevel);
    term.level = kNotLevel;
    term.nullable = false;
    return term;
  }

  const Vocabulary& vocabulary_;
  const std::string& own_;
  Asked asked_;
  bool first_event_;
};

void split(const Predicate& predicate, std::vector<const Predicate*>& conjuncts) {
  if (predicate.kind == PredicateKind::kAnd) {
    split(predicate.args[0], conjuncts);
    split(predicate.args[1], conjuncts);
  } else {
    conjuncts.push_back(&predicate);
  }
}
}  // namespace

std::string write_condition(const Predicate& predicate, const Vocabulary& vocabulary,
                            const std::string& own, Asked asked, const std::string& also) {
  std::vector<const Predicate*> conjuncts;
  split(predicate, conjuncts);
  const Writer of_any(vocabulary, own, asked, false);
  const Writer of_first(vocabulary, own, asked, true);
  Term whole = boolean(true);
  for (const Predicate* conjunct : conjuncts) {
    const Term term = of_any.write(*conjunct);
    if (term.skips_first) {
      // The rule language does not ask this conjunct of the loop's first event; the case does.
      const std::string later = "count(" + vocabulary.variables.at(own).name + ") > 1";
      Term guard;
      guard.text = later;
      guard.level = kComparisonLevel;
      whole =
          Writer::junction(whole, Writer::junction(guard, of_first.write(*conjunct), false), true);
    }
    whole = Writer::junction(whole, term, true);
  }
  if (!also.empty()) {
    Term last;
    last.text = also;
    last.level = kAndLevel;
    whole = Writer::junction(whole, last, true);
  }
  return whole.known == Known::kTrue ? "" : whole.known == Known::kNull ? "false" : whole.text;
}

std::string write_loop_window(std::int64_t window_ms, const Vocabulary& vocabulary,
                              const std::string& own, const std::string& time_field) {
  const Variable& variable = vocabulary.variables.at(own);
  const std::string window = std::to_string(window_ms) + "ms";
  if (variable.loops.empty()) return time_field + " - prev." + time_field + " < " + window;
  const std::string others = "last(" + variable.name + "." + time_field + " where " +
                             vocabulary.index_field + " != " + variable.name + ".last." +
                             vocabulary.index_field + ")";
  return "(count(" + variable.name + ") = 1 or " + time_field + " - " + others + " < " + window +
         ")";
}

std::string quote(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
}  // namespace tocsin::conformance

#include "rules/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/time.h"
#include "cep/value.h"

namespace tocsin::rules {
namespace {
using namespace tree;

constexpr std::size_t kWidth = 100;  // longer lines are broken where the grammar has a joint

std::string quoted(std::string_view text) {
  std::string out;
  cep::append_json_string(out, text);
  return out;
}
std::string text_of(const Name& name) { return name.quoted ? "`" + name.text + "`" : name.text; }
std::string text_of(const Word& word) { return word.string ? quoted(word.text) : word.text; }
std::string text_of(const IntLiteral& literal) {
  return literal.text.empty() ? std::to_string(literal.value) : literal.text;
}
std::string text_of(const DurationLiteral& literal) {
  return literal.text.empty() ? cep::format_duration(literal.value) : literal.text;
}
template <typename T, typename Print>
std::string joined(const std::vector<T>& items, std::string_view separator, Print print) {
  std::string out;
  for (const T& item : items) {
    if (!out.empty()) out += separator;
    out += print(item);
  }
  return out;
}
std::string names(const std::vector<Name>& items) {
  return joined(items, ", ", [](const Name& name) { return text_of(name); });
}

// How tightly an expression binds; an operand that binds less than its place asks for stands in
// parentheses.
enum Tightness {
  kChoice,
  kOr,
  kAnd,
  kNot,
  kComparison,
  kSum,
  kProduct,
  kUnary,
  kPostfix,
  kPrimary
};
Tightness tightness(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kIf:
      return kChoice;
    case ExprKind::kOr:
      return kOr;
    case ExprKind::kAnd:
      return kAnd;
    case ExprKind::kNot:
      return kNot;
    case ExprKind::kAdd:
    case ExprKind::kSubtract:
      return kSum;
    case ExprKind::kMultiply:
    case ExprKind::kDivide:
    case ExprKind::kModulo:
      return kProduct;
    case ExprKind::kNegate:
      return kUnary;
    case ExprKind::kMember:
    case ExprKind::kIndex:
      return kPostfix;
    case ExprKind::kEqual:
    case ExprKind::kNotEqual:
    case ExprKind::kLess:
    case ExprKind::kLessEqual:
    case ExprKind::kGreater:
    case ExprKind::kGreaterEqual:
    case ExprKind::kBetween:
    case ExprKind::kIn:
    case ExprKind::kNotIn:
    case ExprKind::kMatches:
    case ExprKind::kMatchesAnyOf:
    case ExprKind::kContains:
    case ExprKind::kContainsWord:
    case ExprKind::kContainsAnyOf:
    case ExprKind::kContainsAnyWordOf:
    case ExprKind::kStartsWith:
    case ExprKind::kEndsWith:
    case ExprKind::kIsMissing:
    case ExprKind::kIsKnown:
      return kComparison;
    case ExprKind::kAggregate:
      // A window goes on to the right, as in `over today in zone.name`.
      return expr.aggregate && expr.aggregate->over ? kUnary : kPrimary;
    default:
      return kPrimary;
  }
}
std::string_view infix(ExprKind kind) {
  switch (kind) {
    case ExprKind::kAdd:
      return " + ";
    case ExprKind::kSubtract:
      return " - ";
    case ExprKind::kMultiply:
      return " * ";
    case ExprKind::kDivide:
      return " / ";
    case ExprKind::kModulo:
      return " % ";
    case ExprKind::kEqual:
      return " = ";
    case ExprKind::kNotEqual:
      return " != ";
    case ExprKind::kLess:
      return " < ";
    case ExprKind::kLessEqual:
      return " <= ";
    case ExprKind::kGreater:
      return " > ";
    case ExprKind::kGreaterEqual:
      return " >= ";
    case ExprKind::kIn:
      return " in ";
    case ExprKind::kNotIn:
      return " not in ";
    case ExprKind::kMatches:
      return " matches ";
    case ExprKind::kMatchesAnyOf:
      return " matches any of ";
    case ExprKind::kContains:
      return " contains ";
    case ExprKind::kContainsWord:
      return " contains word ";
    case ExprKind::kContainsAnyOf:
      return " contains any of ";
    case ExprKind::kContainsAnyWordOf:
      return " contains any word of ";
    case ExprKind::kStartsWith:
      return " starts with ";
    case ExprKind::kEndsWith:
      return " ends with ";
    default:
      return "";
  }
}

std::string text_of(const Expr& expr, Tightness least = kChoice);

std::string text_of(const KindRef& ref) {
  switch (ref.form) {
    case KindForm::kAlert:
      return "alert " + text_of(ref.name);
    case KindForm::kAnyAlert:
      return "any alert";
    case KindForm::kNamed:
      break;
  }
  return text_of(ref.name);
}
std::string text_of(const Kinds& kinds) {
  return joined(kinds.refs, " or ", [](const KindRef& ref) { return text_of(ref); });
}
std::string where_of(const ExprPtr& where) {
  return where ? " where " + text_of(*where) : std::string();
}
std::string unless_of(const std::optional<Unless>& unless) {
  return unless ? " unless alerted by " + text_of(unless->rule) : std::string();
}
std::string text_of(const Zone& zone) {
  if (zone.literal) return quoted(zone.literal->text);
  return joined(zone.path, ".", [](const Name& name) { return text_of(name); });
}
std::string text_of(const Window& window) {
  std::string out;
  switch (window.form) {
    case RangeForm::kLast:
      out = "last " + text_of(*window.duration);
      if (window.excluding) out += " excluding last " + text_of(*window.excluding);
      break;
    case RangeForm::kLastEvents:
      out = "last " + text_of(*window.events) + " events";
      break;
    case RangeForm::kPrevious:
      out = "previous " + text_of(*window.duration);
      break;
    case RangeForm::kPreviousEvents:
      out = "previous " + text_of(*window.events) + " events";
      if (window.within) out += " within " + text_of(*window.within);
      break;
    case RangeForm::kPreviousEver:
      out = "previous ever";
      break;
    case RangeForm::kTumbling:
      out = "tumbling " + text_of(*window.duration);
      break;
    case RangeForm::kToday:
      out = "today in " + text_of(*window.zone);
      break;
    case RangeForm::kSession:
      out = "session gap " + text_of(*window.duration);
      break;
    case RangeForm::kEver:
      out = "ever";
      break;
  }
  if (window.every) out += " every " + text_of(*window.every);
  if (window.needs) out += " needs " + text_of(*window.needs) + " events";
  return out;
}
std::string text_of(const AggregateParam& param) {
  switch (param.form) {
    case AggregateParamForm::kHalfLife:
      return "half life " + text_of(*param.half_life);
    case AggregateParamForm::kWeight:
      return "weight " + text_of(*param.expr);
    case AggregateParamForm::kExpr:
      break;
  }
  return text_of(*param.expr);
}
std::string text_of(const AggregateCall& call) {
  std::string out = std::string(aggregate_text(call.name)) + "(";
  if (call.argument) {
    out += text_of(*call.argument);
  } else {
    out += joined(call.subjects, " or ", [](const KindRef& ref) { return text_of(ref); });
  }
  if (call.of) out += " of " + text_of(*call.of);
  out += where_of(call.where) + unless_of(call.unless);
  for (const AggregateParam& param : call.params) out += ", " + text_of(param);
  out += ")";
  if (call.over) out += " over " + text_of(*call.over);
  return out;
}
std::string literal_text(const Expr& expr) {
  if (!expr.text.empty()) return expr.text;
  const cep::Value value = expr.literal.view();
  if (value.kind == cep::ValueKind::kString) return quoted(value.text);
  std::string text = cep::to_text(value);
  // A float always shows that it is one.
  if (value.kind == cep::ValueKind::kFloat && text.find_first_of("eE") == std::string::npos)
    text += "e0";
  return text;
}

std::string bare_text(const Expr& expr) {
  const auto list = [](const std::vector<ExprPtr>& args, std::size_t from) {
    std::string out;
    for (std::size_t i = from; i < args.size(); ++i) {
      if (i > from) out += ", ";
      out += text_of(*args[i]);
    }
    return out;
  };
  const auto chain = [&](std::string_view word, Tightness least) {
    return joined(expr.args, word, [least](const ExprPtr& arg) { return text_of(*arg, least); });
  };
  switch (expr.kind) {
    case ExprKind::kError:
      return "";
    case ExprKind::kLiteral:
      return literal_text(expr);
    case ExprKind::kRegex:
      return "/" + expr.text + (expr.ignore_case ? "/i" : "/");
    case ExprKind::kName:
      return text_of(expr.name);
    case ExprKind::kPrev:
      return "prev";
    case ExprKind::kMember:
      return text_of(*expr.args[0], kPostfix) + "." + text_of(expr.name);
    case ExprKind::kIndex:
      return text_of(*expr.args[0], kPostfix) + "[" + list(expr.args, 1) + "]";
    case ExprKind::kCall:
      return text_of(expr.name) + "(" + list(expr.args, 0) + ")";
    case ExprKind::kList:
      return "[" + list(expr.args, 0) + "]";
    case ExprKind::kAggregate:
      return text_of(*expr.aggregate);
    case ExprKind::kNot:
      return "not " + text_of(*expr.args[0], kNot);
    case ExprKind::kNegate:
      return "-" + text_of(*expr.args[0], kUnary);
    case ExprKind::kAnd:
      return chain(" and ", kNot);
    case ExprKind::kOr:
      return chain(" or ", kAnd);
    case ExprKind::kBetween:
      return text_of(*expr.args[0], kSum) + " between " + text_of(*expr.args[1], kSum) + " and " +
             text_of(*expr.args[2], kSum);
    case ExprKind::kIsMissing:
      return text_of(*expr.args[0], kSum) + " is missing";
    case ExprKind::kIsKnown:
      return text_of(*expr.args[0], kSum) + " is known";
    case ExprKind::kIf:
      return "if " + text_of(*expr.args[0]) + " then " + text_of(*expr.args[1]) + " else " +
             text_of(*expr.args[2]);
    default:
      break;
  }
  TOCSIN_ASSERT(expr.args.size() == 2, "all other kinds of expression have two operands");
  const Tightness own = tightness(expr);
  const Tightness left = own == kComparison ? kSum : own;
  const Tightness right = own == kComparison ? kSum : own == kSum ? kProduct : kUnary;
  return text_of(*expr.args[0], left) + std::string(infix(expr.kind)) +
         text_of(*expr.args[1], right);
}

std::string text_of(const Expr& expr, Tightness least) {
  const std::string bare = bare_text(expr);
  return expr.parenthesized || tightness(expr) < least ? "(" + bare + ")" : bare;
}

// ---- patterns
std::string text_of(const Pattern& pattern, std::string_view separator = " ");
std::string text_of(const Step& step) {
  std::string out;
  if (step.optional) out += "optional ";
  if (step.count) {
    out += text_of(step.count->min);
    if (step.count->or_more) out += "+";
    if (step.count->max) out += ".." + text_of(*step.count->max);
    out += " ";
    if (step.count->mode == LoopWord::kNext) out += "next ";
    if (step.count->mode == LoopWord::kEach) out += "each ";
    if (step.count->greedy) out += "greedy ";
  }
  switch (step.form) {
    case StepForm::kGroup:
      return out + "(" + text_of(step.patterns.front()) + ")";
    case StepForm::kOneOf:
      out += "one of { " +
             joined(step.patterns, ", ", [](const Pattern& pattern) { return text_of(pattern); }) +
             " }";
      return step.as ? out + " as " + text_of(*step.as) : out;
    case StepForm::kAllOf:
      return out + "all of { " +
             joined(step.members, ", ", [](const Step& member) { return text_of(member); }) + " }";
    case StepForm::kKinds:
      break;
  }
  out += text_of(step.kinds);
  if (step.as) out += " as " + text_of(*step.as);
  out += where_of(step.where);
  if (step.until) out += " until " + text_of(step.until->kinds) + where_of(step.until->where);
  return out;
}
std::string text_of(const Element& element) {
  if (const auto* absence = std::get_if<Absence>(&element.body)) {
    std::string out = absence->next ? "no next " : "no ";
    out += text_of(absence->kinds) + where_of(absence->where);
    if (absence->absent_for) out += " for " + text_of(*absence->absent_for);
    return out;
  }
  std::string out;
  if (element.link == Link::kThenFirst) out += "first ";
  if (element.link == Link::kThenNext) out += "next ";
  if (element.within) out += "within " + text_of(*element.within) + " ";
  return out + text_of(std::get<Step>(element.body));
}
std::string text_of(const Pattern& pattern, std::string_view separator) {
  std::string out;
  for (const Element& element : pattern.elements) {
    if (!out.empty()) out += std::string(separator) + "then ";
    out += text_of(element);
  }
  return out;
}

// ---- records and types
std::string text_of(const Record::Entry& entry) {
  return text_of(entry.name) + ": " + text_of(*entry.value);
}
std::string text_of(const Record& record) {
  if (record.entries.empty()) return "{}";
  return "{ " +
         joined(record.entries, ", ", [](const Record::Entry& entry) { return text_of(entry); }) +
         " }";
}
std::string text_of(const TypeRef& type) {
  constexpr const char* kWords[] = {"bool", "int",  "float",    "decimal", "string",
                                    "time", "date", "duration", "enum"};
  std::string out = kWords[static_cast<std::size_t>(type.form)];
  if (type.scale) out += "(" + text_of(*type.scale) + ")";
  if (type.form == TypeForm::kEnum) {
    out += "(" + joined(type.words, ", ", [](const Word& word) { return text_of(word); }) + ")";
  }
  return type.optional ? out + "?" : out;
}
std::string text_of(const Modifier& modifier) {
  switch (modifier.kind) {
    case ModifierKind::kUpToLate:
      return "up to " + text_of(*modifier.duration) + " late";
    case ModifierKind::kUnique:
      return modifier.duration ? "unique within " + text_of(*modifier.duration) : "unique";
    case ModifierKind::kId:
      return "id";
    case ModifierKind::kKey:
      return "key";
    case ModifierKind::kFrom:
      return "from " + quoted(modifier.path->text);
    case ModifierKind::kPii:
      return "pii";
    case ModifierKind::kEvidence:
      return "evidence";
  }
  return "";
}
// `items` between braces, each on a line of its own.
std::string block(const std::vector<std::string>& items, std::string_view indent) {
  if (items.empty()) return "{}";
  std::string out = "{\n";
  for (const std::string& item : items) out += fmt::format("{}  {},\n", indent, item);
  return out + std::string(indent) + "}";
}
// ---- declarations
std::string text_of(const Field& field) {
  std::string out = text_of(field.name) + ": " + text_of(field.type);
  for (const Modifier& modifier : field.modifiers) out += " " + text_of(modifier);
  if (field.computed) out += " = " + text_of(*field.computed);
  return out;
}
std::string text_of(const Column& column) {
  return text_of(column.name) + ": " +
         (column.list_of_string ? "list of string" : text_of(column.type));
}
std::string text_of(const Row& row) {
  std::string key = joined(row.keys, ", ", [](const ExprPtr& value) { return text_of(*value); });
  if (row.keys.size() != 1) key = "(" + key + ")";
  return key + ": " + text_of(row.values);
}
std::string text_of(const FeatureEntry& entry) {
  std::string out = text_of(entry.name) + " = " + aggregate_text(entry.aggregate);
  if (entry.param) {
    out += "(" + text_of(*entry.argument) + ", " + text_of(*entry.param) + ")";
  } else if (entry.argument) {
    out += " " + text_of(*entry.argument);
  }
  return out + where_of(entry.where) + unless_of(entry.unless);
}

template <typename T>
std::vector<std::string> texts(const std::vector<T>& items) {
  std::vector<std::string> out;
  for (const T& item : items) out.push_back(text_of(item));
  return out;
}

std::string text_of(const Use& item) { return "use " + quoted(item.path.text); }
std::string text_of(const Allow& item) {
  return "allow " + text_of(item.warning) + " " + quoted(item.reason.text);
}
std::string text_of(const Event& item) {
  std::string out = "event " + text_of(item.name) + " ";
  if (item.from) out += "from " + quoted(item.from->text) + " ";
  return out + block(texts(item.fields), "");
}
std::string text_of(const Kind& item) {
  const auto subset = [](const Subset& s) { return text_of(s.kind) + where_of(s.where); };
  std::string out = "kind " + text_of(item.name) + " = " + joined(item.subsets, " | ", subset);
  if (out.size() > kWidth)
    out = "kind " + text_of(item.name) + " =\n    " + joined(item.subsets, "\n  | ", subset);
  return out;
}
std::string text_of(const List& item) {
  constexpr const char* kWords[] = {"string", "int", "decimal", "text", "regex"};
  std::string out =
      "list " + text_of(item.name) + ": " + kWords[static_cast<std::size_t>(item.form)];
  if (item.scale) out += "(" + text_of(*item.scale) + ")";
  if (item.from) return out + " from " + quoted(item.from->text);
  const auto value = [](const ExprPtr& v) { return text_of(*v); };
  std::string line = out + " = [" + joined(item.values, ", ", value) + "]";
  if (line.size() <= kWidth) return line;
  return out + " = [\n  " + joined(item.values, ",\n  ", value) + ",\n]";
}
std::string text_of(const Table& item) {
  std::string out = "table " + text_of(item.name) + " key " + names(item.keys) + " ";
  const auto column = [](const Column& c) { return text_of(c); };
  const std::string line = "{ " + joined(item.columns, ", ", column) + " }";
  out += item.columns.empty()                 ? "{}"
         : out.size() + line.size() <= kWidth ? line
                                              : block(texts(item.columns), "");
  if (item.from) return out + " from " + quoted(item.from->text);
  return out + " = " + block(texts(item.rows), "");
}
std::string text_of(const Const& item) {
  return "const " + text_of(item.name) + " = " + text_of(*item.value);
}
std::string text_of(const Defaults& item) {
  return "defaults " + text_of(item.event) + " " + text_of(item.values);
}
std::string text_of(const Feature& item) {
  const std::string head = "feature " + text_of(item.name) + " = " + text_of(*item.aggregate);
  const std::string tail = "by " + names(item.by) + " over " + text_of(item.window);
  return head.size() + 1 + tail.size() <= kWidth ? head + " " + tail : head + "\n  " + tail;
}
std::string text_of(const Features& item) {
  return "features of " + text_of(item.of) + " by " + names(item.by) + " over " +
         text_of(item.window) + " " + block(texts(item.entries), "");
}

// ---- rules
std::string text_of(const KeyPart& part) {
  if (part.members.empty()) return text_of(part.name);
  return text_of(part.name) + " = " + joined(part.members, " | ", [](const KeyMember& member) {
           std::string out = text_of(member.kind) + "." + text_of(member.field);
           return member.role ? out + " as " + text_of(*member.role) : out;
         });
}
std::string each_of(const std::vector<ExprPtr>& exprs) {
  if (exprs.empty()) return "";
  return " for each " + joined(exprs, ", ", [](const ExprPtr& expr) { return text_of(*expr); });
}
std::string text_of(const AfterClause& clause) {
  std::string out = "after match ";
  switch (clause.strategy) {
    case AfterMatch::kNoSkip:
      out += "no skip";
      break;
    case AfterMatch::kSkipPastLast:
      out += "skip past last";
      break;
    case AfterMatch::kSkipToNext:
      out += "skip to next";
      break;
    case AfterMatch::kSkipToFirst:
      out += "skip to first " + text_of(*clause.var);
      break;
    case AfterMatch::kSkipToLast:
      out += "skip to last " + text_of(*clause.var);
      break;
    case AfterMatch::kConsume:
      out += "consume";
      break;
  }
  return clause.in_order ? out + " in order" : out;
}
std::string text_of(const OnceClause& clause) {
  std::string out = "once ";
  switch (clause.form) {
    case OnceForm::kPerDuration:
      out += "per " + text_of(*clause.duration);
      break;
    case OnceForm::kPerDay:
      out += "per day in " + text_of(*clause.zone);
      break;
    case OnceForm::kPerVariable:
      out += "per " + text_of(*clause.var);
      break;
    case OnceForm::kWhile:
      out += "while " + text_of(*clause.condition);
      break;
  }
  return out + each_of(clause.for_each);
}
std::string text_of(const EventWindow& window) {
  const std::string kinds = text_of(window.kinds);
  const std::string length = text_of(window.duration);
  const std::string head = window.session ? "session of " + kinds + " gap " + length
                                          : "tumbling " + length + " of " + kinds;
  return head + " as " + text_of(window.as) + where_of(window.where);
}
std::string text_of(const WhenClause& clause) {
  if (const auto* window = std::get_if<EventWindow>(&clause.what))
    return "when " + text_of(*window);
  const Pattern& pattern = std::get<Pattern>(clause.what);
  const std::string line = "when " + text_of(pattern);
  return line.size() + 2 <= kWidth ? line : "when " + text_of(pattern, "\n    ");
}
std::string text_of(const AlertClause& clause) {
  // The message is put together again, so that its expressions are canonical too.
  std::string message;
  for (const MessagePart& part : clause.parts) {
    if (part.expr) {
      message += "{" + text_of(*part.expr) + "}";
      continue;
    }
    for (const char c : part.text) {
      message += c;
      if (c == '{' || c == '}') message += c;
    }
  }
  std::string out = "alert " + quoted(message);
  if (!clause.fields.entries.empty()) out += " " + block(texts(clause.fields.entries), "  ");
  return out;
}

// `place`: of an `except` or `allow` among its like.
std::string clause_text(const Rule& rule, ClauseKind kind, std::size_t place) {
  const auto strings = [](std::string_view word, const StringsClause& clause) {
    return fmt::format("{} {}", word, joined(clause.texts, ", ", [](const StringLiteral& text) {
                         return quoted(text.text);
                       }));
  };
  switch (kind) {
    case ClauseKind::kId:
      return "id " + text_of(rule.id->word);
    case ClauseKind::kDescription:
      return "description " + quoted(rule.description->text.text);
    case ClauseKind::kOwner:
      return "owner " + quoted(rule.owner->text.text);
    case ClauseKind::kSeverity:
      return "severity " + text_of(*rule.severity->expr);
    case ClauseKind::kTags:
      return "tags " +
             joined(rule.tags->words, ", ", [](const Word& word) { return text_of(word); });
    case ClauseKind::kReferences:
      return strings("references", *rule.references);
    case ClauseKind::kFalsePositives:
      return strings("falsepositives", *rule.false_positives);
    case ClauseKind::kStatus: {
      constexpr const char* kWords[] = {"draft", "internal", "shadow", "live"};
      return std::string("status ") + kWords[static_cast<std::size_t>(rule.status->status)];
    }
    case ClauseKind::kBy:
      return "by " +
             joined(rule.by->parts, ", ", [](const KeyPart& part) { return text_of(part); });
    case ClauseKind::kWhen:
      return text_of(*rule.when);
    case ClauseKind::kWithin:
      return "within " + text_of(rule.within->duration);
    case ClauseKind::kHaving:
      return "having " + text_of(*rule.having->expr);
    case ClauseKind::kConsidering:
      return "considering " + text_of(rule.considering->kinds);
    case ClauseKind::kWithout: {
      std::string out = "without " + text_of(rule.without->kinds) + where_of(rule.without->where);
      if (rule.without->absent_for) out += " for " + text_of(*rule.without->absent_for);
      return out;
    }
    case ClauseKind::kAfter:
      return text_of(*rule.after);
    case ClauseKind::kPrefer:
      return "prefer latest";
    case ClauseKind::kExcept: {
      const ExceptClause& clause = rule.excepts[place];
      std::string out = "except " + quoted(clause.reason.text) + where_of(clause.where);
      if (clause.expires) out += " expires " + cep::format_date(*clause.expires);
      return out;
    }
    case ClauseKind::kOnce:
      return text_of(*rule.once);
    case ClauseKind::kAtMost:
      return "at most " + text_of(rule.at_most->count) + " per " + text_of(rule.at_most->duration) +
             each_of(rule.at_most->for_each);
    case ClauseKind::kAllow: {
      const AllowClause& clause = rule.allows[place];
      return "allow " + text_of(clause.warning) + " " + quoted(clause.reason.text);
    }
    case ClauseKind::kAlert:
      return text_of(*rule.alert);
  }
  return "";
}

std::string text_of(const Rule& rule) {
  std::string out = "rule " + text_of(rule.name) + " " + quoted(rule.title.text) + " {\n";
  std::size_t excepts = 0;
  std::size_t allows = 0;
  for (const ClauseKind kind : rule.order) {
    const std::size_t place = kind == ClauseKind::kAllow ? allows++ : excepts;
    out += "  " + clause_text(rule, kind, place) + "\n";
    if (kind == ClauseKind::kExcept) ++excepts;
  }
  return out + "}";
}

std::string text_of(const Test& test) {
  std::string out = "test " + text_of(test.rule) + " " + quoted(test.title.text) + " {\n";
  if (test.starting) {
    out += "  starting " +
           (test.starting_text.empty() ? cep::format_time(*test.starting) : test.starting_text) +
           "\n";
  }
  std::size_t width = 0;  // offsets stand in one column
  for (const TestLine& line : test.lines) {
    if (!line.until) width = std::max(width, text_of(line.offset).size());
  }
  for (const TestLine& line : test.lines) {
    if (line.until) {
      out += "  until " + text_of(line.offset) + "\n";
    } else {
      out += fmt::format("  {:<{}} {} {}\n", text_of(line.offset), width, text_of(line.event),
                         text_of(line.values));
    }
  }
  if (test.expected.empty()) out += "  expect no alert\n";
  for (const Expected& expected : test.expected) {
    out += "  expect alert";
    if (expected.times) out += " " + text_of(*expected.times) + " times";
    if (expected.at) out += " at " + text_of(*expected.at);
    if (expected.fields) out += " " + text_of(*expected.fields);
    out += "\n";
  }
  return out + "}";
}
}  // namespace

std::string print(const tree::File& file) {
  std::string out;
  std::size_t last_index = 0;
  bool last_short = false;
  for (const Item& item : file.items) {
    const std::string text =
        std::visit([](const auto& declaration) { return text_of(declaration); }, item);
    // Declarations of one line stay together with their like.
    const bool is_short = text.find('\n') == std::string::npos;
    if (!out.empty() && !(is_short && last_short && item.index() == last_index)) out += "\n";
    out += text + "\n";
    last_index = item.index();
    last_short = is_short;
  }
  return out;
}

std::string print(const tree::Expr& expr) { return text_of(expr); }
}  // namespace tocsin::rules

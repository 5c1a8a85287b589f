/// Expression trees of the plan: typed, names resolved. Both the engine and the oracle read them;
/// each has an evaluator of its own. A tree is immutable and may be shared between rules.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cep/base/assert.h"
#include "cep/base/index.h"
#include "cep/plan/aggregate.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Each operator has the payload that its comment names.
enum class Op : std::uint8_t {
  kLiteral,    // LiteralValue
  kField,      // FieldRead: of the current event; inside an aggregate's argument, of the element
  kBound,      // BoundField; missing where the variable took no event
  kPrev,       // FieldRead: of the event before the current one in the same loop
  kAggregate,  // VariableAggregate; args[0] for each element (none for count), an optional
               // condition on elements in args[1]
  kFeature,    // FeatureRead: as of the current event, by this event's own key value; with args,
               // one for each part of the feature's key, by their values
  kKey,        // KeyRead
  kIsBound,    // VariableTest: the variable has taken an event
  kInLoop,     // VariableTest: args[0] equals args[1] (a kField of the element) for some event of
               // the variable; SQL's IN
  kIn,         // ListLookup: args[0] in the list
  kInValues,   // args[0] in {args[1], …}; SQL's IN
  kBetween,    // args[0] >= args[1] and args[0] <= args[2]
  kIsMissing,
  kIsKnown,
  kIf,  // args: condition, then, else; an unknown condition takes else
  kCoalesce,
  kNot,
  kAnd,  // two or more args
  kOr,
  kNegate,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kToFloat,  // widening that the checker wrote out
  // Rows of tables; missing where there is no row.
  kTable,    // ColumnRead: of the row whose key is args
  kInTable,  // ColumnRead: args[0] in the list that the column holds; the row's key is args[1…]
  // Text; unknown on a missing operand.
  kMatches,            // RegexLiteral: args[0] holds a match of it
  kMatchesAnyOf,       // ListLookup: args[0] holds a match of an element (regex)
  kContains,           // args[0] holds args[1]
  kContainsWord,       // … where the characters before and after are not letters or digits
  kContainsAnyOf,      // ListLookup: args[0] holds an element (text, string)
  kContainsAnyWordOf,  // ListLookup: … as a word
  kStartsWith,         // args[0] begins with args[1]
  kEndsWith,
  kMatched,  // ListLookup: the element (regex, text, string) whose match in args[0] begins first,
             // as written; of several the one first in the list; missing where none
  kCall,     // FunctionCall of args
  kInKinds,  // KindTest: the current event (in an aggregate's argument: the element) is of one of
             // the types, and args[i], where it is not null, holds for the i-th of them
};
/// Whether an operator reads tables, searches text or calls functions.
constexpr bool is_data(Op op) { return op >= Op::kTable; }
/// What the rule language calls functions. Missing on a missing operand, unless said otherwise.
enum class Function : std::uint8_t {
  kAbs,
  kRound,  // to an integer half even, or args[1] digits
  kFloor,
  kCeil,
  kSqrt,
  kLn,
  kExp,
  kPow,
  kMin,  // of all args
  kMax,
  kLower,
  kUpper,
  kLength,      // in code points
  kSubstring,   // text, first character from 1, and how many (absent: to the end)
  kNormalize,   // NFKD, marks dropped, lower case
  kHour,        // time, zone: 0 to 23
  kWeekday,     // time, zone: Monday is 1
  kDate,        // time, zone
  kDistanceKm,  // lat1, lon1, lat2, lon2 in degrees; radius 6371
  kIpIn,        // address, network as "10.0.0.0/8" or "2001:db8::/32"
  kSimilarity,  // Jaro-Winkler
  kConcat,      // the texts one after the other
  kSplit,       // text, separator, number of the part: from 1, or from the end; missing for none
  kCapture,     // text, number of the group: what it took in the first match of the call's regular
                // expression; 0: the whole match; missing for none
};
enum class Which : std::uint8_t { kOnly, kFirst, kLast };
/// A field by name over one or more event types: which field it is in each of them.
struct FieldRef {
  std::string name;
  std::vector<std::pair<EventTypeIndex, FieldIndex>> by_type;  // ascending by type
  std::optional<FieldIndex> in(EventTypeIndex type) const {
    for (const auto& [t, f] : by_type) {
      if (t == type) return f;
    }
    return std::nullopt;
  }
};

/// A regular expression as the rule writes it, between its slashes.
struct RegexLiteral {
  std::string text;
  bool ignore_case = false;
};

/// The value of a kLiteral.
struct LiteralValue {
  OwnedValue value;
};
/// The field that kField and kPrev read.
struct FieldRead {
  FieldRef field;
};
/// The event of a variable that kBound reads, and its field; the field is of no event type where
/// args[0] is a feature read at that event.
struct BoundField {
  VarIndex var;
  Which which = Which::kOnly;
  FieldRef field;
};
/// The aggregate of a kAggregate, and the variable over whose events it is.
struct VariableAggregate {
  VarIndex var;
  Aggregate aggregate = Aggregate::kCount;
};
/// The variable that kIsBound and kInLoop ask about.
struct VariableTest {
  VarIndex var;
};
/// The feature of a kFeature.
struct FeatureRead {
  FeatureIndex feature;
};
/// The part of the rule's key that a kKey reads.
struct KeyRead {
  std::uint32_t part = 0;
};
/// The list that kIn, kMatchesAnyOf, kContainsAnyOf, kContainsAnyWordOf and kMatched look in.
struct ListLookup {
  ListIndex list;
};
/// The column that kTable and kInTable read, by its place among the table's columns.
struct ColumnRead {
  TableIndex table;
  std::uint32_t column = 0;
};
/// The function of a kCall; `regex` is there for kCapture alone.
struct FunctionCall {
  Function function = Function::kAbs;
  std::optional<RegexLiteral> regex;
};
/// The event types that a kInKinds accepts, ascending.
struct KindTest {
  std::vector<EventTypeIndex> types;
};
/// What an operator needs besides its operands; std::monostate where that is nothing.
using Payload = std::variant<std::monostate, LiteralValue, FieldRead, BoundField, VariableAggregate,
                             VariableTest, FeatureRead, KeyRead, ListLookup, ColumnRead,
                             RegexLiteral, FunctionCall, KindTest>;

/// An empty payload of the operator's family.
Payload payload_for(Op op);

struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;
struct Expr {
  Op op = Op::kLiteral;
  Type type;
  std::vector<ExprPtr> args;
  Payload payload;  // of the operator's family, as payload_for(): validate() checks it

  /// The payload, which must be a P.
  template <typename P>
  const P& as() const {
    const P* found = std::get_if<P>(&payload);
    TOCSIN_ASSERT(found != nullptr, "the operator has this payload");
    return *found;
  }
  template <typename P>
  P& as() {
    return const_cast<P&>(std::as_const(*this).as<P>());
  }
  /// The same without the check, for evaluators: the plan is valid.
  template <typename P>
  const P& as_validated() const {
    const P* found = std::get_if<P>(&payload);
    if (found == nullptr) __builtin_unreachable();
    return *found;
  }
};

/// The value of a kLiteral, its text borrowed from the expression; missing for other operators.
inline Value literal_of(const Expr& expr) {
  const auto* literal = std::get_if<LiteralValue>(&expr.payload);
  return literal != nullptr ? literal->value.view() : Value::missing();
}
/// The feature of a kFeature.
inline FeatureIndex feature_of(const Expr& expr) { return expr.as<FeatureRead>().feature; }
/// The field that kField, kPrev or kBound reads; null for other operators.
const FieldRef* field_of(const Expr& expr);
FieldRef* field_of(Expr& expr);
/// The variable that kBound, kAggregate, kIsBound or kInLoop is about; null for other operators.
const VarIndex* variable_of(const Expr& expr);
VarIndex* variable_of(Expr& expr);
/// The function of a kCall; none for other operators.
inline std::optional<Function> function_of(const Expr& expr) {
  const auto* call = std::get_if<FunctionCall>(&expr.payload);
  return call != nullptr ? std::optional(call->function) : std::nullopt;
}
}  // namespace tocsin::cep

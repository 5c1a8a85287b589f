/// Expression trees of the plan: typed, names resolved. Both the engine and the oracle read them;
/// each has an evaluator of its own. A tree is immutable and may be shared between rules.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/index.h"
#include "cep/value/value.h"

namespace tocsin::cep {
enum class Op : std::uint8_t {
  kLiteral,  // `literal`, text in `text`
  kField,    // field `field` of the current event; inside an aggregate's argument, of the element
  kBound,  // field `field` of variable `var`'s event `which`; missing where the variable took none
  kPrev,   // field `field` of the event before the current one in the same loop
  kAggregate,  // `aggregate` over the events of variable `var`; args[0] for each element (none for
               // count), an optional condition on elements in args[1]
  kFeature,    // feature `feature`, as of the current event, by this event's own key value; with
               // args, one for each part of the feature's key, by their values
  kKey,        // part `key_part` of the rule's key
  kIsBound,    // variable `var` has taken an event
  kInLoop,     // args[0] equals args[1] (a kField of the element) for some event of `var`; SQL's IN
  kIn,         // args[0] in list `list`
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
  kTable,    // column `column` of table `table`'s row whose key is args
  kInTable,  // args[0] in the list that column `column` of table `table` holds; its key is args[1…]
  // Text; unknown on a missing operand. Patterns are in `literal` (`ignore_case`) or a list's.
  kMatches,            // args[0] holds a match of the regular expression `literal`
  kMatchesAnyOf,       // … of an element of list `list` (regex)
  kContains,           // args[0] holds args[1]
  kContainsWord,       // … where the characters before and after are not letters or digits
  kContainsAnyOf,      // args[0] holds an element of list `list` (text, string)
  kContainsAnyWordOf,  // … as a word
  kStartsWith,         // args[0] begins with args[1]
  kEndsWith,
  kMatched,  // the element of list `list` (regex, text, string) whose match in args[0] begins
             // first, as written; of several the one first in the list; missing where none
  kCall,     // `function` of args
  kInKinds,  // the current event (in an aggregate's argument: the element) is of a type in
             // `field.by_type`, and args[i], where it is not null, holds for the i-th of them
};
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
  kCapture,     // text, number of the group: what it took in the first match of the regular
                // expression `literal` (`ignore_case`); 0: the whole match; missing for none
};
enum class Which : std::uint8_t { kOnly, kFirst, kLast };
enum class Aggregate : std::uint8_t {
  kCount,
  kSum,
  kAvg,
  kMin,
  kMax,
  kDistinct,
  kStddev,
  kStddevPop,
  kFirst,
  kLast,
  kEwma,
  kPercentile,
};
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

struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;
struct Expr {
  Op op = Op::kLiteral;
  Type type;
  std::vector<ExprPtr> args;
  OwnedValue literal;          // kLiteral; the expression of kMatches and of `capture`
  FieldRef field;              // kField, kBound, kPrev
  VarIndex var;                // kBound, kAggregate, kIsBound, kInLoop
  Which which = Which::kOnly;  // kBound
  Aggregate aggregate = Aggregate::kCount;
  FeatureIndex feature;
  ListIndex list;
  std::uint32_t key_part = 0;
  TableIndex table;          // kTable, kInTable
  std::uint32_t column = 0;  // kTable, kInTable: among the table's columns
  Function function = Function::kAbs;
  bool ignore_case = false;  // kMatches, `capture`
};
}  // namespace tocsin::cep

/// Expression trees of the plan: typed, names resolved. Both the engine and the oracle read them;
/// each has an evaluator of its own. A tree is immutable and may be shared between rules.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/index.h"
#include "cep/value.h"

namespace tocsin::cep {
enum class Op : std::uint8_t {
  kLiteral,  // `literal`, text in `text`
  kField,    // field `field` of the current event; inside an aggregate's argument, of the element
  kBound,  // field `field` of variable `var`'s event `which`; missing where the variable took none
  kPrev,   // field `field` of the event before the current one in the same loop
  kAggregate,  // `aggregate` over the events of variable `var`; args[0] for each element (none for
               // count), an optional condition on elements in args[1]
  kFeature,    // feature `feature`, as of the current event, by this event's own key value
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
  kLateBy,   // reserved
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
  OwnedValue literal;          // kLiteral
  FieldRef field;              // kField, kBound, kPrev
  VarIndex var;                // kBound, kAggregate, kIsBound, kInLoop
  Which which = Which::kOnly;  // kBound
  Aggregate aggregate = Aggregate::kCount;
  FeatureIndex feature;
  ListIndex list;
  std::uint32_t key_part = 0;
};
}  // namespace tocsin::cep

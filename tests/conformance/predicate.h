/// The cases' own predicate language (README.md beside this file): text to tree.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"

namespace tocsin::conformance {
enum class PredicateKind : std::uint8_t {
  kTrue,
  kFalse,
  kNumber,     // `text` as written
  kString,     // `text` without quotes
  kAttribute,  // `name` of the event on offer
  kFirst,      // first(`var`).`name`
  kLast,       // last(`var`).`name`, also written `var`.`name`
  kCount,      // count(`var`)
  kSum,        // sum(`var`.`name`)
  kAvg,
  kMin,
  kMax,
  kNegate,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kLike,  // args[0] like `text`
  kNot,
  kAnd,  // two args
  kOr,   // two args
};
struct Predicate {
  PredicateKind kind = PredicateKind::kTrue;
  std::string text;
  std::string var;
  std::string name;
  std::vector<Predicate> args;
};
/// Reads a predicate. Fails with a message that names the place.
Result<Predicate> parse_predicate(std::string_view text);
/// Whether it reads the attribute of the event on offer or of any variable.
bool reads_attribute(const Predicate& predicate, std::string_view name);
}  // namespace tocsin::conformance

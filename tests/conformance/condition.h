/// A case's predicate as a condition of the rule language that holds at exactly the same events.
///
/// Two things differ. There, a variable never holds the event on offer, even in its own step; here,
/// a loop's own condition counts it as taken, and a conjunct that reads `prev` or the loop's own
/// `.first` is not asked of the loop's first event. And there, a comparison with null is false, so
/// that `not` makes it true; here it is unknown.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/conformance/predicate.h"

namespace tocsin::conformance {
/// A field of the one event type that a case has.
struct Attribute {
  std::string field;  // as the source text writes it
  std::string type;   // `int`, `decimal(2)`, `string` …; empty: no event has it
  bool nullable = false;
};
/// A variable of the pattern.
struct Variable {
  std::string name;       // as the source text writes it
  std::size_t order = 0;  // of the steps, from left to right
  std::vector<std::size_t>
      loops;              // the repeated groups around it, outermost first, by a number each
  bool repeated = false;  // its own step has a count
  bool optional = false;  // a match may be without it
  bool absence = false;

  /// Whether it may hold several events.
  bool is_loop() const { return repeated || !loops.empty(); }
};
struct Vocabulary {
  std::map<std::string, Attribute> attributes;  // by the case's names
  std::map<std::string, Variable> variables;
  std::string index_field;  // distinct in every event, never missing
};
/// Whose condition it is.
enum class Asked {
  kOfStep,   // the event on offer counts as taken here
  kOfOther,  // an absence or an `until`: it does not
};
/// Writes the condition for the step (or the absence, or the `until` of the step) named `own`;
/// empty when it always holds. `also` is a further condition that must hold, as written; empty:
/// none.
std::string write_condition(const Predicate& predicate, const Vocabulary& vocabulary,
                            const std::string& own, Asked asked, const std::string& also = "");
/// That an event of the loop `own` comes less than `window_ms` after the one before it in the loop.
std::string write_loop_window(std::int64_t window_ms, const Vocabulary& vocabulary,
                              const std::string& own, const std::string& time_field);
/// A string literal of the rule language.
std::string quote(const std::string& text);
}  // namespace tocsin::conformance

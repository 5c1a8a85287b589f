/// The places in a pattern at which a partial match may wait, each as patterns of their own: what
/// lies before it, and that with any further steps after it. Plan in, plan out; for explaining how
/// far a rule came.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
/// Variables that the patterns of a stage may use besides the rule's own, after them.
struct ExtraVariables {
  VarIndex taken;   // a loop's events so far, where it is taken apart
  VarIndex next;    // its next event
  VarIndex inside;  // an event that came in between
  explicit ExtraVariables(const Rule& rule)
      : taken(rule.variables.size()),
        next(rule.variables.size() + 1),
        inside(rule.variables.size() + 2) {}
};
struct PatternStage {
  enum class Waits : std::uint8_t {
    kStep,   // for the first event of step `next`
    kLoop,   // for one more event of the loop `next`
    kRound,  // for one more round of the group `next`
  };
  Waits waits = Waits::kStep;
  const Element* next = nullptr;  // of the rule's pattern
  std::uint32_t taken = 0;        // kLoop, kRound: events or rounds so far
  std::size_t top = 0;            // among the outermost elements that are no absences, from 0
  std::size_t rank = 0;           // a higher one is further
  bool repeated = false;          // inside a group with a count
  std::vector<const Element*> absences;  // guard the wait
  Contiguity contiguity = Contiguity::kAny;
  std::optional<Duration> gap;
  const Element* greedy = nullptr;  // the greedy loop directly before
  bool begins = false;              // no step before must have been taken
  /// The pattern up to here, followed by `tail` where `next` stands; how it is reached is any.
  /// Absences before `next` are left out, or with kKept where a tail or an event of `next` follows
  /// them. For kRound `tail` is left out. Empty for no elements.
  std::function<std::vector<Element>(const std::vector<Element>& tail)> pattern;
};
/// Whether patterns of stages have the absences that stand before what a stage waits for; with
/// kKept groups are also reached as the rule says.
enum class GuardingAbsences : std::uint8_t { kLeftOut, kKept };
/// All stages, in the order written; optional elements and what is inside them are none, nor are
/// events and rounds beyond the least count. At most `most`.
std::vector<PatternStage> stages_of(const Rule& rule, std::size_t most,
                                    GuardingAbsences absences = GuardingAbsences::kLeftOut);
/// The event that a stage waits for, whatever it is: of the step's event types and roles, but
/// without its kinds' conditions and `where`. Not for kRound.
Element any_event_for(const Rule& rule, const PatternStage& stage);
/// The same pattern with nothing strict in it: `next` is any, a loop's `next` is `each`, no `no
/// next` stands in it; no loop is greedy.
std::vector<Element> without_strictness(std::vector<Element> elements);
/// The rule's steps without its final absences, which are added to `last`.
std::vector<Element> without_last_absences(const Rule& rule, std::vector<const Element*>& last);
/// Leaves variables without a step out of a rule whose pattern was changed, and renames the others
/// `$N`, N being their number before. What reads one that is left out reads none: missing, false, a
/// count of 0. In the fields of the alert `prev` is the last event of `prev`, where that is given.
void settle_variables(Rule& rule, std::optional<VarIndex> prev);
}  // namespace tocsin::cep

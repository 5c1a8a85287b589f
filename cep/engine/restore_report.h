/// What a restored engine kept of the state that it was given.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace tocsin::cep {
/// What becomes of state that was written under the same or another program.
struct RestoreReport {
  enum class Fate : std::uint8_t {
    kKept,      // goes on where it was
    kStarted,   // new, or changed so that what was kept does not fit: begins with nothing
    kReplayed,  // would begin with nothing, and goes on from what it made of earlier events
    kLost,      // no longer there, or changed
  };
  struct Line {
    bool is_rule = true;  // else a feature
    std::string name;     // the rule's id; the feature's name
    Fate fate = Fate::kKept;
    /// The rule is kept, but its suppression starts again, because `once` or `at most` changed.
    bool suppression_lost = false;
  };
  /// Every line is kept with all that it had, and tables and operators have the same numbers: a
  /// store with these entries can continue with the changes of later cuts.
  bool is_same_program = true;
  /// Some operators take state of both engines (Engine::begin_past()): what a key has of them is
  /// right only where both of its entries come together, that of the first before that of the past.
  bool joins_states = false;
  std::vector<Line> lines;  // rules, then features, in this program's order; then what is lost
  /// Changes of lists and tables that have no place any more: "the changes of the list NAME".
  std::vector<std::string> data_lost;
};
}  // namespace tocsin::cep

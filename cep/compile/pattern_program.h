/// A pattern of any shape as an automaton. A partial match waits on a **transition**. After an
/// event taken for a step, or at the start, each transition leads to one step that may take the
/// next event, or to the end. It folds all that lies between: optional elements that are passed by,
/// rounds that begin or end, absences. Counters of the partial match hold how often loops and
/// groups went round, and which steps of `all of` are done, so that counts add no states.
///
/// Where the transitions would be too many (Limits::enumerated_states_max), those that differ in
/// their step alone are one, a **fan**: it waits for any of several consecutive steps. So a step
/// before optional ones needs one transition, whatever their number, and so does a member of an
/// `all of` whose members are steps of one event: of two that share a fan the mask of members done
/// tells them apart. A fan's targets are shared too: each step of a chain of optional ones has the
/// rest of the chain.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "cep/compile/paths_program.h"
#include "cep/compile/program.h"
#include "cep/plan/contiguity.h"
#include "cep/plan/limits.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
inline constexpr std::uint32_t kSlotsMax = 64;          // variables of one rule that are read
inline constexpr std::uint32_t kAllOfMax = 64;          // steps of one `all of`
inline constexpr std::uint32_t kMembersOfCounter = 32;  // of an `all of`, as bits

/// Asked of the counters after the last event, before any update.
struct CounterTest {
  enum class Kind : std::uint8_t {
    kAtLeast,  // counter >= value
    kBelow,    // counter < value
    kLacks,    // counter has no bit of value
    kHas,      // counter has all bits of value
  };
  Kind kind = Kind::kAtLeast;
  std::uint32_t counter = 0;
  std::uint32_t value = 0;
  friend bool operator==(const CounterTest&, const CounterTest&) = default;
};
struct CounterUpdate {
  enum class Kind : std::uint8_t {
    kSet,
    kIncrement,  // up to value
    kAddBits,
  };
  Kind kind = Kind::kSet;
  std::uint32_t counter = 0;
  std::uint32_t value = 0;
  friend bool operator==(const CounterUpdate&, const CounterUpdate&) = default;
};
inline bool is_passed(const CounterTest& test, const std::uint32_t* counters) {
  const std::uint32_t value = counters[test.counter];
  switch (test.kind) {
    case CounterTest::Kind::kAtLeast:
      return value >= test.value;
    case CounterTest::Kind::kBelow:
      return value < test.value;
    case CounterTest::Kind::kLacks:
      return (value & test.value) == 0;
    case CounterTest::Kind::kHas:
      return (value & test.value) == test.value;
  }
  return false;
}
inline void apply(const CounterUpdate& update, std::uint32_t* counters) {
  std::uint32_t& value = counters[update.counter];
  switch (update.kind) {
    case CounterUpdate::Kind::kSet:
      value = update.value;
      return;
    case CounterUpdate::Kind::kIncrement:
      value = std::min(value + 1, update.value);
      return;
    case CounterUpdate::Kind::kAddBits:
      value |= update.value;
      return;
  }
}
/// How a match is given that has taken its last event.
enum class Ending : std::uint8_t {
  kAtOnce,
  kAtNext,      // at the next considered event
  kAtDeadline,  // `wait` after its first or its last event
};
/// One of the steps that a fan waits for.
struct FanTarget {
  std::uint32_t step = 0;
  std::vector<CounterTest> tests;      // asked when an event is offered
  std::vector<CounterUpdate> updates;  // made when the step takes it
  bool is_last = false;                // of a chain, whose rests fans share
};
struct PatternTransition {
  static constexpr std::uint32_t kEnd = ~std::uint32_t{0};
  static constexpr std::uint32_t kFan = kEnd - 1;
  std::uint32_t target = kEnd;  // a step, kFan or kEnd
  // of a fan: into PatternProgram::fan_targets; their steps are consecutive
  std::uint32_t fan_begin = 0;
  std::uint32_t fan_end = 0;
  std::optional<std::uint32_t> members;  // they are those of an `all of`: its first counter
  // to a step
  Contiguity contiguity = Contiguity::kAny;
  std::optional<Duration> gap;  // since the last event
  bool further = false;         // one more event of the same loop
  // to the end
  Ending ending = Ending::kAtOnce;
  bool waits_from_first = false;
  Duration wait;

  std::vector<CounterTest> tests;
  std::vector<CounterUpdate> updates;
  /// What they forbid ends a partial match that waits here. They guard from the last event taken:
  /// the transition into a further event of a loop, or a further round of a group, has none.
  std::vector<std::uint32_t> absences;
  bool absent_next = false;  // some of the absences are `no next`
  /// Greedy loops left or passed by: an event that fits one ends the partial match.
  std::vector<std::uint32_t> greedy;
  std::uint64_t live = 0;  // the slots whose events something on this one, or later, asks about
  /// An event concerns a partial match that waits here only if it and the match are equal by the
  /// target's FieldEquality.
  bool is_by_value = false;
  friend bool operator==(const PatternTransition&, const PatternTransition&) = default;
};
/// A condition of a step that holds only if a field of its event equals one of an earlier event.
struct FieldEquality {
  const Expr* own = nullptr;
  const Expr* earlier = nullptr;
};
struct PatternStep {
  const Element* element = nullptr;
  ElementProgram take;
  std::optional<ElementProgram> until;
  static constexpr std::uint32_t kNoSlot = ~std::uint32_t{0};
  std::uint32_t own_slot = kNoSlot;        // of its variable
  std::uint64_t slots = 0;                 // of its variable and that one's parents
  std::string name;                        // `as` of its events; empty: their kind's name
  std::optional<std::uint32_t> counter;    // of a loop
  std::vector<std::uint32_t> transitions;  // on, after an event taken for it
  /// An earlier member of the same `all of` that takes the same events, and nothing later reads
  /// either: it is done before this one (compile_pattern.cpp).
  std::optional<std::uint32_t> twin;
  /// Absent where there is none, or its other conditions take steps.
  std::optional<FieldEquality> equality;
};
struct PatternAbsence {
  const Element* element = nullptr;
  ElementProgram forbid;
};

class PatternProgram {
 public:
  std::vector<PatternStep> steps;        // in the order written
  std::vector<PatternAbsence> absences;  // in the order written
  std::vector<PatternTransition> transitions;
  std::vector<FanTarget> fan_targets;
  std::vector<std::uint32_t> starts;  // the transitions into the pattern; none is a fan
  bool is_compact = false;            // fans stand for what differs in its step alone
  bool has_members = false;           // some fan waits for members of an `all of`
  std::uint32_t counter_count = 0;
  /// The variables that some expression reads have a slot each, in every node.
  std::uint32_t slot_count = 0;
  /// Aggregates whose totals each node keeps (cep/eval/loop_totals.h), after the slots.
  std::vector<const Expr*> totals;
  std::optional<ElementProgram> without;
  /// A closing window: its only step takes what is collected, this test says what opens it.
  std::optional<ElementProgram> opens;
  const Zone* window_zone = nullptr;  // of a closing window that is a unit of the calendar
  std::deque<Element> made_elements;  // of `until`, `without` and windows
  bool has_deadlines = false;
  /// Of every deadline that counts from the first event; none where they differ.
  std::optional<Duration> wait_from_first;
  bool keeps_clear = false;   // nodes keep what `once per VARIABLE` has searched
  bool keeps_values = false;  // of features, with a match's last event
  /// What an event becomes of a partial match depends on no other first event, and without an event
  /// it ends by `within`, a gap or a deadline: so it need not be looked at (cep/pattern).
  bool keeps_order = false;
  std::vector<std::uint32_t> gapped;  // the transitions to a step that have a gap
  bool end_reads_last = false;        // what is asked at the end reads fields of the last event
  /// How a busy key is matched, where that has a way.
  std::optional<PathsProgram> paths;
  /// Whether it is matched so. Else clauses that what is remembered does not depend on keep it from
  /// that, and `paths` says how that is read which a rule without them has written.
  bool is_by_paths = false;
  /// The pattern as steps in a row, with PlacesProgram: its steps have the numbers and tests that
  /// they have here, and all that asks for none is as in the rule.
  std::shared_ptr<const RuleProgram> sequence;

  /// The first transition of a step that is not into a further event of its loop; null where it has
  /// none.
  const PatternTransition* transition_on(std::size_t step) const {
    for (const std::uint32_t transition : steps[step].transitions) {
      if (!transitions[transition].further) return &transitions[transition];
    }
    return nullptr;
  }
  std::uint32_t own_slot(int step) const { return steps[static_cast<std::size_t>(step)].own_slot; }
  std::optional<std::uint32_t> total_of(const Expr* aggregate) const {
    for (std::uint32_t i = 0; i < totals.size(); ++i) {
      if (totals[i] == aggregate) return i;
    }
    return std::nullopt;
  }
  /// Whether an event of `step` belongs to the variable of `slot`.
  bool belongs(int step, std::uint32_t slot) const {
    return step >= 0 && slot < kSlotsMax &&
           (steps[static_cast<std::size_t>(step)].slots >> slot & 1) != 0;
  }
};
}  // namespace tocsin::cep

/// How the engine runs one rule, as plain data for people and tools: the automaton, what is kept
/// for a key and how long, what other operators have part in, and what an event costs. Read from
/// the program and the structures that it runs on, not from the rule's text.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/compile/growth.h"
#include "cep/compile/pattern_program.h"
#include "cep/diagnose/rule_memory.h"
#include "cep/engine/engine.h"

namespace tocsin::cep {
/// Where a condition is evaluated.
enum class AskedAt : std::uint8_t {
  kColumns,  // once an event, over a whole slice, for all rules that ask the same
  kKey,      // once an event and key: it reads features or the key
  kMatch,    // of each partial match that waits for the event: it reads what that has taken
};
struct ProfileCondition {
  ExprPtr expr;  // a part of a conjunction, of the step's own event as the current one
  AskedAt at = AskedAt::kColumns;
  bool of_first = true;  // asked of a loop's first event too
};
/// The test of a step, an absence, `until`, `without` or what opens a window.
struct AskedTest {
  std::vector<Subset> kinds;
  std::vector<ProfileCondition> conditions;
};
/// A place in the automaton: before the first event, after an event taken for a step, or the match.
struct AutomatonState {
  enum class Kind : std::uint8_t { kStart, kStep, kMatch };
  Kind kind = Kind::kStep;
  std::optional<VarIndex> var;  // of a step
  AskedTest takes;              // what its event has to satisfy
  std::optional<AskedTest> until;
  std::optional<std::uint32_t> counter;  // that counts its loop
};
/// What a partial match that waits on a transition does with an event that does not take it on.
enum class Passes : std::uint8_t {
  kEverything,      // every event, also one that fits: the partial match stays beside the one that
                    // went on
  kWhatDoesNotFit,  // what does not fit
  kOtherKinds,      // only what is not of the kinds that the rule considers
};
/// A transition from one state to another: where partial matches wait.
struct AutomatonTransition {
  std::size_t from = 0;  // into states
  std::size_t to = 0;
  std::optional<std::size_t> to_last = {};  // a fan: to any of the steps from `to` on to this one
  bool is_of_members = false;           // they are the members of an `all of`: any that is not done
  Passes passes = Passes::kEverything;  // to a step
  bool further = false;                 // one more event of the same loop
  std::optional<Duration> gap;
  Ending ending = Ending::kAtOnce;  // to the match
  Duration wait;                    // kAtDeadline
  bool waits_from_first = false;
  std::vector<CounterTest> tests;
  std::vector<CounterUpdate> updates;
  std::vector<std::size_t> absences;  // what ends it, but for the event that completes it
  std::vector<std::size_t> greedy;    // states whose loop takes an event first
};
/// What one event of a type costs, in units.
struct EventCost {
  EventTypeIndex type;
  std::size_t tests = 0;             // of the event alone, over columns
  std::size_t tests_shared = 0;      // of these: that others ask as well
  std::size_t searches = 0;          // texts that are searched, each once for all patterns
  std::size_t lookups = 0;           // of keys
  std::size_t key_conditions = 0;    // kKey
  std::size_t match_conditions = 0;  // kMatch, at most, for each partial match
  std::size_t features = 0;          // that take it
};
/// What budgets count of a key (cep/record/budget.h), in bytes.
struct KeyBudget {
  std::size_t event_bytes = 0;  // an event of the largest type, texts of kTextBytesAssumed
  std::size_t entry_bytes = 0;  // an event where it may stand: at a step, or in a partial match
  std::size_t match_bytes = 0;  // a partial match
  /// Events that a key may have before the oldest are dropped; of partial matches, events that
  /// begin one. Nothing: no budget applies.
  std::optional<std::uint64_t> events_most;
};
struct RuleProfile {
  Method method = Method::kRuns;
  bool prunes = false;              // of partial matches with the same future one is kept
  bool prunes_over_starts = false;  // also where they began at different events
  bool asks_next = false;           // events that no step takes matter, too
  std::uint32_t pass = 0;
  std::uint32_t level = 0;
  std::vector<AutomatonState> states;
  std::vector<AutomatonTransition> transitions;
  std::vector<AskedTest> absences;
  std::optional<AskedTest> without;
  std::optional<AskedTest> opens;  // a window
  std::optional<Duration> lives;   // the longest that a partial match waits; nothing: no limit
  RuleMemory memory;
  Growth growth;  // with the events of a key
  KeyBudget budget;
  std::vector<EventCost> costs;  // by type
  // Shared with the rule: names are in the plan.
  std::vector<RuleIndex> rules_of_key;        // that keep their state in the same record
  std::vector<FeatureIndex> features_of_key;  // likewise
  std::vector<RuleIndex> rules_of_ring;       // strict ones that look at the same last events
  std::vector<RuleIndex> alert_readers;       // that take this rule's alerts
};
/// Requires a rule of the program's plan.
RuleProfile describe_profile(const Program& program, RuleIndex rule);
}  // namespace tocsin::cep

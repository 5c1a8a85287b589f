/// How far a rule came and what stopped it (cep/diagnose/near_miss.h).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cep/data/alert.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// An event that the rule saw, or an alert as one.
struct SeenEvent {
  EventTypeIndex type;
  EventTime ts;
  std::string identity;  // canonical bytes (cep/value/identity.h)
  std::string id;        // as shown
  friend bool operator==(const SeenEvent&, const SeenEvent&) = default;
};
struct TakenEvent {
  VarIndex var;
  SeenEvent event;
};
struct SeenValue {
  ExprPtr expr;  // of the plan
  OwnedValue value;
};
/// One thing that was not as the rule asks.
struct Hindrance {
  enum class Kind : std::uint8_t {
    kKind,         // `condition` of the kind `name` was not true
    kNoKind,       // it is of none of the kinds
    kWhere,        // `condition` was not true
    kNext,         // `then next`, a loop's `next`: `between` came first
    kFirst,        // `then first` takes the first that fits: `between`
    kGap,          // `took` is not less than `limit`
    kWithin,       // likewise, from the first event
    kAbsence,      // `no …`: `between` came
    kWithout,      // likewise
    kUntil,        // `between` ended the loop
    kGreedy,       // a greedy loop before takes `between` too
    kOtherMoment,  // it would have been given, but not when it was expected
  };
  Kind kind = Kind::kWhere;
  ExprPtr condition;     // of the plan
  bool unknown = false;  // neither true nor false: something is missing
  std::vector<SeenValue> values;
  std::string name;                            // of a kind
  const std::vector<Subset>* kinds = nullptr;  // of an absence, `until`, `without`, a loop
  std::optional<SeenEvent> between;
  Duration took, limit;
};
/// An event that might have gone on with the partial match; none of its hindrances: it did.
struct NearCandidate {
  SeenEvent event;
  std::vector<Hindrance> hindrances;
};
/// Parts of keys that two events differ in, where the rule would have come further without its key.
struct OtherKey {
  std::uint32_t part = 0;
  SeenEvent one, other;
  OwnedValue value_of_one, value_of_other;  // missing: it has none
};
struct NearMiss {
  enum class Stop : std::uint8_t {
    kStep,         // waits for the first event of `step`
    kLoop,         // waits for one more of its events: `done` of `needed` came
    kRound,        // waits for one more round: `done` of `needed`
    kAbsence,      // all steps are done; `hindrance` broke a last absence or `without … for`
    kDeadline,     // all is done, and given at `moment`, after the end
    kNextEvent,    // all is done, and given at the next event of the key, which did not come
    kWindow,       // the window closes at `moment`, after the end
    kNoWindow,     // no window was open
    kWindowWhere,  // `hindrances` of a window that closed
    kHaving,       // complete, but `having` was not true
    kSelection,    // complete, but `after match` left it out
    kExcept,       // complete, but `except` number `exception` held
    kSuppressed,   // complete, but `once` or `at most` held it back
    kUnexplained,  // none of these
  };
  Stop stop = Stop::kUnexplained;
  std::size_t place = 0;          // of the element it waits for among the outermost ones, from 0
  std::size_t places = 0;         // how many these are
  const Element* step = nullptr;  // kStep, kLoop; kRound: the group
  std::uint32_t done = 0, needed = 0;
  std::vector<OwnedValue> key;            // of the partial match; empty where it has no event
  std::vector<TakenEvent> taken;          // its events, in order
  std::vector<NearCandidate> candidates;  // what came after, the best first; a few
  std::size_t candidates_more = 0;        // how many more came
  std::vector<Hindrance> hindrances;      // kAbsence, kWindowWhere, kHaving
  std::optional<EventTime> moment;        // when it completed, or would have
  std::size_t matches = 0;                // kSelection: how many were complete then
  std::size_t exception = 0;
  std::optional<EventTime> alerted;  // kSelection, kSuppressed: the alert that came before it
  std::vector<OtherKey> other_keys;
  bool cut = false;  // a limit ended the search: there may be a better one
};
}  // namespace tocsin::cep

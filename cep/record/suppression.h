/// Which matches are held back: `once` in all its forms, and `at most N per D`. The state is kept
/// for each key of the rule, or for each value that `for each` says.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "cep/compile/suppression_life.h"
#include "cep/plan/plan.h"
#include "cep/value/order.h"

namespace tocsin::cep {
/// An event that a match took for the variable of `once per VARIABLE`. Alerts of several deadlines
/// that one event set share its arrival number, so that the engine time is part of it.
struct VariableEvent {
  std::int64_t time_us = 0;
  ArrivalNumber event;
  friend auto operator<=>(const VariableEvent&, const VariableEvent&) = default;
};
/// What suppression looks at in a match.
struct MatchFacts {
  std::int64_t time_us = 0;
  std::optional<std::int64_t> unit;       // kPerUnit: local; absent where the zone is unknown
  std::vector<VariableEvent> var_events;  // kPerVariable beside `for each`: ascending
};
/// What `once per D` remembers: plain bytes, which a key's record may hold.
struct OnceState {
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();
  std::int64_t last_alert_us = kNever;  // kWhile: or, while it is quiet, the last event since
  std::uint64_t held_back = 0;          // since the last alert

  /// Whether a match at this time may become an alert.
  bool lets_pass(Duration duration, std::int64_t time_us) const {
    return last_alert_us == kNever || time_us >= last_alert_us + duration.us;
  }
};
struct SuppressionState : OnceState {
  bool quiet = false;                // kWhile: since the last alert it was always true
  std::int64_t held_us = kNever;     // the last match held back, where the count ends by that
  std::uint64_t lost_runs = 0;       // of matches that were held back
  std::vector<std::int64_t> recent;  // `at most`: the times of alerts, ascending
  std::vector<VariableEvent> taken;  // kPerVariable: ascending, each once
  // kPerUnit: units that had an alert, ascending: the last one, and those before it that a clock
  // somewhere may still show.
  std::vector<std::int64_t> units;

  /// Whether a match that alerted, or that `once` held back, had the event.
  bool has_taken(const VariableEvent& event) const;
  /// Notes the event; false where it was noted before.
  bool take(const VariableEvent& event);
};
/// Whether `once` lets the match pass; for kPerVariable by MatchFacts::var_events.
bool once_lets_pass(const Suppression& suppression, const SuppressionState& state,
                    const MatchFacts& facts);
/// Whether `at most` does; drops what is no longer looked at.
bool at_most_lets_pass(const Suppression& suppression, SuppressionState& state,
                       std::int64_t time_us);
/// Notes that the match became an alert: for `once`, for `at most`.
void note_for_once(const Suppression& suppression, SuppressionState& state,
                   const MatchFacts& facts);
void note_for_at_most(const Suppression& suppression, SuppressionState& state,
                      std::int64_t time_us);
/// `once while`: an event came at which the condition is not true.
inline void end_quiet(SuppressionState& state) {
  state.quiet = false;
  state.last_alert_us = OnceState::kNever;
}
inline constexpr std::int64_t kSuppressionOver = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t kSuppressionStays = std::numeric_limits<std::int64_t>::max();
/// Until when the state matters at `now_us`; kSuppressionOver when it does not any more.
std::int64_t once_until(const OnceState& state, Duration duration, std::int64_t now_us);
/// The same of all forms. Requires that what is over by its life has left `taken`.
std::int64_t suppression_until(const Suppression& suppression, const SuppressionLife& life,
                               const SuppressionState& state, std::int64_t now_us);
}  // namespace tocsin::cep

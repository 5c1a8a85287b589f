/// Which matches are suppressed: `once` in all its forms, and `at most N per D`. The state is kept
/// for each key of the rule, or for each value that `for each` says.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/compile/suppression_life.h"
#include "cep/plan/suppression_spec.h"
#include "cep/record/suppression_state.h"
#include "cep/value/order.h"

namespace tocsin::cep {
/// What suppression looks at in a match.
struct MatchFacts {
  std::int64_t time_us = 0;
  std::optional<std::int64_t> unit;       // kPerUnit: local; absent where the zone is unknown
  std::vector<VariableEvent> var_events;  // kPerVariable beside `for each`: ascending
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
/// Until when the state matters at `now_us`; kSuppressionOver when it does not any more.
std::int64_t once_until(const OnceState& state, Duration duration, std::int64_t now_us);
/// The same of all forms. Requires that what is over by its life has left `taken`.
std::int64_t suppression_until(const Suppression& suppression, const SuppressionLife& life,
                               const SuppressionState& state, std::int64_t now_us);
}  // namespace tocsin::cep

#include "cep/record/suppressed_count.h"

#include "cep/plan/calendar.h"

namespace tocsin::cep {
void note_suppressed(const Suppression& suppression, SuppressionState& state,
                     std::int64_t time_us) {
  if (ends_by_last_held(suppression)) {
    // The state may still hold a count that has expired.
    if (suppressed_until(suppression, state) <= time_us) state.held_back = state.lost_runs = 0;
    state.held_us = time_us;
  }
  ++state.held_back;
}

std::uint64_t take_suppressed(const Suppression& suppression, SuppressionState& state,
                              std::int64_t time_us) {
  const std::int64_t until = suppressed_until(suppression, state);
  state.held_us = SuppressionState::kNever;
  if (until <= time_us) state.lost_runs = 0;
  return take_suppressed(state, until, time_us);
}

std::int64_t suppressed_until(const OnceState& state, Duration duration) {
  if (state.last_alert_us == OnceState::kNever) return kSuppressionOver;
  return state.last_alert_us + duration.us + kSuppressedKept.us;
}

std::int64_t suppressed_until(const Suppression& suppression, const SuppressionState& state) {
  if (ends_by_last_held(suppression)) {
    return state.held_us == SuppressionState::kNever ? kSuppressionOver
                                                     : state.held_us + kSuppressedKept.us;
  }
  std::int64_t until = kSuppressionOver;
  switch (suppression.kind()) {
    case Once::kNone:
      break;
    case Once::kPerDuration:
      until = suppressed_until(state, suppression.duration());
      break;
    case Once::kPerUnit:
      if (!state.units.empty()) {
        until = over_everywhere(suppression.unit(), state.units.back()).us + kSuppressedKept.us;
      }
      break;
    case Once::kPerVariable:
    case Once::kWhile:
      break;
  }
  if (!suppression.at_most || state.recent.empty()) return until;
  return std::max(until,
                  state.recent.back() + suppression.at_most->duration.us + kSuppressedKept.us);
}

bool ends_by_last_held(const Suppression& suppression) {
  if (suppression.kind() == Once::kPerVariable || suppression.kind() == Once::kWhile) return true;
  // With values (`for each`), the times of alerts are stored elsewhere.
  return suppression.at_most &&
         (!suppression.for_each.empty() || !suppression.at_most->for_each.empty());
}
}  // namespace tocsin::cep

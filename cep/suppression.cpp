#include "cep/suppression.h"

#include <algorithm>

namespace tocsin::cep {
bool once_lets_pass(const Suppression& suppression, const SuppressionState& state,
                    const MatchFacts& facts) {
  switch (suppression.once) {
    case Once::kNone:
      return true;
    case Once::kPerDuration:
      return state.lets_pass(suppression.duration, facts.time_us);
    case Once::kPerVariable:
      return !facts.var_event ||
             std::none_of(state.taken.begin(), state.taken.end(), [&](const auto& taken) {
               // Alerts of several deadlines that one event set share its arrival number.
               return taken.event == *facts.var_event && taken.time_us == facts.var_time_us;
             });
    case Once::kPerDay:
      return !facts.day || *facts.day != state.last_day;
    case Once::kWhile:
      return !state.quiet;
  }
  return true;
}

bool at_most_lets_pass(const Suppression& suppression, SuppressionState& state,
                       std::int64_t time_us) {
  if (!suppression.at_most) return true;
  std::vector<std::int64_t>& recent = state.recent;
  const std::int64_t edge = time_us - suppression.at_most->duration.us;
  recent.erase(recent.begin(), std::upper_bound(recent.begin(), recent.end(), edge));
  return recent.size() < suppression.at_most->count;
}

void note_for_once(const Suppression& suppression, SuppressionState& state,
                   const MatchFacts& facts) {
  switch (suppression.once) {
    case Once::kNone:
      return;
    case Once::kPerDuration:
      state.last_alert_us = facts.time_us;
      return;
    case Once::kPerVariable:
      if (facts.var_event) state.taken.push_back({*facts.var_event, facts.var_time_us});
      return;
    case Once::kPerDay:
      if (facts.day) state.last_day = *facts.day;
      return;
    case Once::kWhile:
      state.quiet = true;
      return;
  }
}

void note_for_at_most(const Suppression& suppression, SuppressionState& state,
                      std::int64_t time_us) {
  if (suppression.at_most) state.recent.push_back(time_us);
}

std::int64_t once_until(const OnceState& state, Duration duration, std::int64_t now_us) {
  if (state.held_back > 0) return kSuppressionStays;
  if (state.last_alert_us == OnceState::kNever) return kSuppressionOver;
  const std::int64_t end = state.last_alert_us + duration.us;
  return end > now_us ? end : kSuppressionOver;
}

std::int64_t suppression_until(const Suppression& suppression, const SuppressionState& state,
                               std::int64_t now_us) {
  if (state.lost_runs > 0 || state.quiet || !state.taken.empty()) return kSuppressionStays;
  std::int64_t until = once_until(state, suppression.duration, now_us);
  const auto matters = [&](std::int64_t end) {
    if (end > now_us) until = std::max(until, end);
  };
  if (!state.recent.empty()) matters(state.recent.back() + suppression.at_most->duration.us);
  // A zone's day may be told for 26 hours, and be longer when clocks go back.
  if (state.last_day != SuppressionState::kNever) {
    matters((state.last_day + 3) * kDayUs);
  }
  return until;
}
}  // namespace tocsin::cep

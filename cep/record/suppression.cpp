#include "cep/record/suppression.h"

#include <algorithm>

#include "cep/plan/calendar.h"
#include "cep/plan/zone.h"
#include "cep/record/suppressed_count.h"

namespace tocsin::cep {
bool once_lets_pass(const Suppression& suppression, const SuppressionState& state,
                    const MatchFacts& facts) {
  switch (suppression.kind()) {
    case Once::kNone:
      return true;
    case Once::kPerDuration:
      return state.lets_pass(suppression.duration(), facts.time_us);
    case Once::kPerVariable:
      return std::ranges::none_of(
          facts.var_events, [&](const VariableEvent& event) { return state.has_taken(event); });
    case Once::kPerUnit:
      return !facts.unit || !std::ranges::binary_search(state.units, *facts.unit);
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
  const auto first = std::upper_bound(recent.begin(), recent.end(), edge);
  const bool passes = recent.end() - first < std::ptrdiff_t{suppression.at_most->count};
  // The last one says how long what is suppressed counts.
  const bool keeps_last = state.held_back > 0 && first == recent.end() && !recent.empty();
  recent.erase(recent.begin(), keeps_last ? first - 1 : first);
  return passes;
}

namespace {
void note_unit(CalendarUnit unit, std::vector<std::int64_t>& units, std::int64_t number,
               std::int64_t time_us) {
  const auto place = std::lower_bound(units.begin(), units.end(), number);
  if (place == units.end() || *place != number) units.insert(place, number);
  // The furthest clock is less than a day behind.
  const std::int64_t least = unit_of_day(unit, day_of(EventTime{time_us - kDayUs}));
  while (units.size() > 1 && units.front() < least) units.erase(units.begin());
}
}  // namespace

void note_for_once(const Suppression& suppression, SuppressionState& state,
                   const MatchFacts& facts) {
  switch (suppression.kind()) {
    case Once::kNone:
      return;
    case Once::kPerDuration:
      state.last_alert_us = facts.time_us;
      return;
    case Once::kPerVariable:
      for (const VariableEvent& event : facts.var_events) state.take(event);
      return;
    case Once::kPerUnit:
      if (facts.unit) note_unit(suppression.unit(), state.units, *facts.unit, facts.time_us);
      return;
    case Once::kWhile:
      state.quiet = true;
      state.last_alert_us = facts.time_us;
      return;
  }
}

void note_for_at_most(const Suppression& suppression, SuppressionState& state,
                      std::int64_t time_us) {
  if (suppression.at_most) state.recent.push_back(time_us);
}

std::int64_t once_until(const OnceState& state, Duration duration, std::int64_t now_us) {
  if (state.last_alert_us == OnceState::kNever) return kSuppressionOver;
  const std::int64_t end =
      state.held_back > 0 ? suppressed_until(state, duration) : state.last_alert_us + duration.us;
  return end > now_us ? end : kSuppressionOver;
}

std::int64_t suppression_until(const Suppression& suppression, const SuppressionLife& life,
                               const SuppressionState& state, std::int64_t now_us) {
  if ((state.quiet && !life.quiet) || (!state.taken.empty() && !life.taken)) {
    return kSuppressionStays;
  }
  std::int64_t until = kSuppressionOver;
  const auto matters = [&](std::int64_t end) {
    if (end > now_us) until = std::max(until, end);
  };
  if (state.quiet) matters(state.last_alert_us + life.quiet->us);
  for (const VariableEvent& taken : state.taken) matters(taken.time_us + life.taken->us);
  if (state.held_back > 0) matters(suppressed_until(suppression, state));
  if (state.last_alert_us != OnceState::kNever) {
    matters(state.last_alert_us + suppression.duration().us);
  }
  if (!state.recent.empty()) matters(state.recent.back() + suppression.at_most->duration.us);
  if (!state.units.empty()) matters(over_everywhere(suppression.unit(), state.units.back()).us);
  return until;
}
}  // namespace tocsin::cep

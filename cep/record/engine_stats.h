/// What an engine counts.
#pragma once
#include <cstdint>

namespace tocsin::cep {
/// Totals of one engine since it was made or restored; those said to be of now are levels.
struct EngineStats {
  std::uint64_t rows = 0;                 // given
  std::uint64_t rows_relevant = 0;        // that reached a key record
  std::uint64_t keys = 0;                 // live now, over all tables
  std::uint64_t values = 0;               // live now: by which `for each` holds back
  std::uint64_t runs = 0;                 // live now
  std::uint64_t timers = 0;               // pending now
  std::uint64_t state_bytes = 0;          // tables, arenas, queues
  std::uint64_t values_missing = 0;       // arithmetic that overflowed or was undefined
  std::uint64_t feature_events_lost = 0;  // to Limits::feature_events_per_key_max
  std::uint64_t runs_lost = 0;            // to budgets; events of a closing window too
  std::uint64_t matches_truncated = 0;
  std::uint64_t alerts_suppressed = 0;
  /// Events of partial matches that were counted to keep keys to their budgets, by this engine.
  std::uint64_t budget_work = 0;
  /// Times that a key had so many partial matches of a rule that places took them over, and that
  /// these could not, by this engine.
  std::uint64_t keys_made_busy = 0;
  std::uint64_t keys_left_as_runs = 0;
  /// Partial matches that an event was offered to, or that were gone through for one, by this
  /// engine.
  std::uint64_t runs_visited = 0;
  /// Words that were copied to give records more room, or less, by this engine.
  std::uint64_t layout_work = 0;
  /// Predicates that were asked of a row, with groups of them that one bound answered for, and
  /// operators that were given a row, by this engine.
  std::uint64_t predicates_asked = 0;
  std::uint64_t operators_run = 0;

  /// Adds what was counted elsewhere.
  EngineStats& operator+=(const EngineStats& other);
};
inline EngineStats& EngineStats::operator+=(const EngineStats& other) {
  constexpr std::uint64_t EngineStats::*kCounts[] = {&EngineStats::rows,
                                                     &EngineStats::rows_relevant,
                                                     &EngineStats::keys,
                                                     &EngineStats::values,
                                                     &EngineStats::runs,
                                                     &EngineStats::timers,
                                                     &EngineStats::state_bytes,
                                                     &EngineStats::values_missing,
                                                     &EngineStats::feature_events_lost,
                                                     &EngineStats::runs_lost,
                                                     &EngineStats::matches_truncated,
                                                     &EngineStats::alerts_suppressed,
                                                     &EngineStats::budget_work,
                                                     &EngineStats::keys_made_busy,
                                                     &EngineStats::keys_left_as_runs,
                                                     &EngineStats::runs_visited,
                                                     &EngineStats::layout_work,
                                                     &EngineStats::predicates_asked,
                                                     &EngineStats::operators_run};
  for (std::uint64_t EngineStats::*const count : kCounts) {
    this->*count += other.*count;
  }
  return *this;
}
}  // namespace tocsin::cep

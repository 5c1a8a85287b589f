/// What suppression remembers, for each key of a rule or for each value that `for each` says.
#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "cep/value/order.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// An event that a match took for the variable of `once per VARIABLE`. Alerts of several deadlines
/// that one event set share its arrival number, so that the engine time is part of it.
struct VariableEvent {
  std::int64_t time_us = 0;
  ArrivalNumber event;
  friend auto operator<=>(const VariableEvent&, const VariableEvent&) = default;
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
  std::uint64_t lost_runs = 0;       // of matches that were suppressed
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
/// Bounds of a time until which state matters: it does no more, and it always will.
inline constexpr std::int64_t kSuppressionOver = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t kSuppressionStays = std::numeric_limits<std::int64_t>::max();
}  // namespace tocsin::cep

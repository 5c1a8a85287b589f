/// Features: a named value over a window of events by a key.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/event_type.h"
#include "cep/plan/expr.h"
#include "cep/plan/key_spec.h"
#include "cep/value/calendar_unit.h"
#include "cep/value/time.h"

namespace tocsin::cep {
enum class WindowKind : std::uint8_t {
  kLast,
  kPrevious,
  kTumbling,
  kCalendar,
  kSession,
  kEver,
  kPreviousEver,
  kLastEvents,
  kPreviousEvents,
};
/// Which events of the key a feature at engine time t looks at. `previous` forms leave the current
/// event out.
struct FeatureWindow {
  WindowKind kind = WindowKind::kLast;
  /// kLast, kPrevious: t - D < time <= t. kTumbling: since the last multiple of D after the epoch.
  /// kSession: since the last silence of D or longer. kPreviousEvents: at most that long ago.
  std::optional<Duration> duration;
  std::optional<Duration> excluding =
      {};  // kLast: without the last this long: time <= t - excluding
  std::optional<std::uint32_t> events = {};  // kLastEvents, kPreviousEvents
  CalendarUnit unit = CalendarUnit::kDay;    // kCalendar: the one that a clock in `zone` shows
  ExprPtr zone = {};                         // kCalendar: text; a literal or of the current event
  /// Panes aligned to the epoch: the old edge, t - D, is moved down to a multiple of this.
  std::optional<Duration> every = {};
  std::optional<std::uint32_t> needs = {};  // missing until the window has this many events
  ExprPtr where = {};  // kLastEvents, kPreviousEvents: only such events take a place
};
/// A window has all events of the feature's kinds under its key. Those that satisfy `where` and
/// have a known argument are aggregated; the others count for `last N events` and `needs` alone.
struct Feature {
  std::string name;  // unique; a feature without a name has a generated one with a leading `$`
  Aggregate aggregate = Aggregate::kCount;
  ExprPtr argument;  // absent for count
  Type type;
  std::vector<Subset> events;
  ExprPtr where;
  KeySpec key;
  FeatureWindow window;
  std::optional<Duration> half_life;  // kEwma: this or
  std::optional<double> weight;       // kEwma
  double percentile = 0;              // kPercentile: 0 < p <= 100
  /// Leaves out the events at which this rule raised or held back an alert.
  std::optional<RuleIndex> unless_alerted_by;
  /// Whether events that are not aggregated make a difference.
  bool takes_all() const { return (window.events || window.needs) && (where || argument); }
};
}  // namespace tocsin::cep

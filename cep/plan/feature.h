/// Features: a named value over a window of events by a key.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
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
/// `last D`: t - D < time <= t.
struct LastWindow {
  Duration duration;
  std::optional<Duration> excluding = {};  // without the last this long: time <= t - excluding
  std::optional<Duration> every = {};      // panes (FeatureWindow::every)
};
/// `previous D`: as `last D`, without the current event.
struct PreviousWindow {
  Duration duration;
  std::optional<Duration> every = {};
};
/// Since the last multiple of D after the epoch.
struct TumblingWindow {
  Duration duration;
};
/// Since the begin of the unit that a clock in `zone` shows.
struct CalendarUnitWindow {
  CalendarUnit unit = CalendarUnit::kDay;
  ExprPtr zone = {};  // text; a literal or of the current event
};
/// Since the last silence of `gap` or longer.
struct SessionWindow {
  Duration gap;
};
struct EverWindow {};
struct PreviousEverWindow {};
/// The last so many of the events that satisfy `where`.
struct LastEventsWindow {
  std::uint32_t events = 1;
  ExprPtr where = {};
};
/// The same without the current event; at most `within` ago.
struct PreviousEventsWindow {
  std::uint32_t events = 1;
  std::optional<Duration> within = {};
  ExprPtr where = {};
};
/// Which events of the key a feature at engine time t looks at. `previous` forms leave the current
/// event out.
struct FeatureWindow {
  /// In the order of WindowKind.
  std::variant<LastWindow, PreviousWindow, TumblingWindow, CalendarUnitWindow, SessionWindow,
               EverWindow, PreviousEverWindow, LastEventsWindow, PreviousEventsWindow>
      range;
  std::optional<std::uint32_t> needs = {};  // missing until the window has this many events

  WindowKind kind() const { return static_cast<WindowKind>(range.index()); }
  template <typename Range>
  const Range* as() const {
    return std::get_if<Range>(&range);
  }
  template <typename Range>
  Range* as() {
    return std::get_if<Range>(&range);
  }

  // For readers of all windows alike. What a window does not have reads as empty.
  /// How long it is; the gap of a session, the bound of `previous N events`.
  std::optional<Duration> duration() const;
  std::optional<Duration> excluding() const;
  /// Panes aligned to the epoch: the old edge, t - D, is moved down to a multiple of this.
  std::optional<Duration> every() const;
  std::optional<std::uint32_t> events() const;
  const ExprPtr& where() const;
  const ExprPtr& zone() const;
  /// Of a window of the calendar; else a day.
  CalendarUnit unit() const;
};
// These are inline because windows read them at every event.
inline std::optional<Duration> FeatureWindow::duration() const {
  switch (kind()) {
    case WindowKind::kLast:
      return as<LastWindow>()->duration;
    case WindowKind::kPrevious:
      return as<PreviousWindow>()->duration;
    case WindowKind::kTumbling:
      return as<TumblingWindow>()->duration;
    case WindowKind::kSession:
      return as<SessionWindow>()->gap;
    case WindowKind::kPreviousEvents:
      return as<PreviousEventsWindow>()->within;
    case WindowKind::kCalendar:
    case WindowKind::kEver:
    case WindowKind::kPreviousEver:
    case WindowKind::kLastEvents:
      break;
  }
  return std::nullopt;
}

inline std::optional<Duration> FeatureWindow::excluding() const {
  const LastWindow* const last = as<LastWindow>();
  return last != nullptr ? last->excluding : std::nullopt;
}

inline std::optional<Duration> FeatureWindow::every() const {
  if (const LastWindow* const last = as<LastWindow>()) return last->every;
  const PreviousWindow* const previous = as<PreviousWindow>();
  return previous != nullptr ? previous->every : std::nullopt;
}

inline std::optional<std::uint32_t> FeatureWindow::events() const {
  if (const LastEventsWindow* const last = as<LastEventsWindow>()) return last->events;
  if (const PreviousEventsWindow* const previous = as<PreviousEventsWindow>()) {
    return previous->events;
  }
  return std::nullopt;
}

inline CalendarUnit FeatureWindow::unit() const {
  const CalendarUnitWindow* const calendar = as<CalendarUnitWindow>();
  return calendar != nullptr ? calendar->unit : CalendarUnit::kDay;
}
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
  bool takes_all() const { return (window.events() || window.needs) && (where || argument); }
};
}  // namespace tocsin::cep

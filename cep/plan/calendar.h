/// Days, weeks, months and years of the calendar, as a clock in a zone shows them. Every unit has a
/// number; numbers of one kind of unit ascend without gaps. A clock that is set back over midnight
/// shows a unit again that was over.
#pragma once
#include <array>
#include <cstdint>

#include "cep/plan/plan_fwd.h"
#include "cep/value/calendar_unit.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// The number of the unit that has the day (days since 1970-01-01). A day's number is the day.
std::int64_t unit_of_day(CalendarUnit unit, std::int64_t day);
/// The first day of the unit of this number; the inverse of unit_of_day().
std::int64_t first_day_of(CalendarUnit unit, std::int64_t number);
/// The number of the unit that a clock in the zone shows at `time`.
std::int64_t local_unit(const Zone& zone, CalendarUnit unit, EventTime time);
/// A time from which on no clock in any zone shows the unit any more.
EventTime over_everywhere(CalendarUnit unit, std::int64_t number);
/// How far apart two times may lie at which a clock shows the same unit: at least so much.
Duration longest_unit(CalendarUnit unit);
/// Whether event times have a unit of this number.
bool is_unit_number(CalendarUnit unit, std::int64_t number);
/// The units of a zone as windows that follow one another without gaps: a window begins when a
/// clock first shows its unit, and takes what comes until the clock shows a later one.
struct CalendarWindow {
  EventTime begin;
  EventTime end;
};
CalendarWindow calendar_window(const Zone& zone, CalendarUnit unit, EventTime time);
/// The gap of a session, the length of another window; that of a unit of the calendar at most.
Duration longest_of(const ClosingWindow& window);

/// local_unit() of times that mostly follow one another: a time in a stretch that was looked up
/// lately takes a comparison.
class CalendarCache {
 public:
  std::int64_t unit_at(const Zone& zone, CalendarUnit unit, EventTime time);

 private:
  // All times from `from` and before `until` have the number.
  struct Stretch {
    const Zone* zone = nullptr;
    CalendarUnit unit = CalendarUnit::kDay;
    std::int64_t from = 0;
    std::int64_t until = 0;
    std::int64_t number = 0;
  };
  std::array<Stretch, 16> stretches_;
};
}  // namespace tocsin::cep

#include "cep/plan/calendar.h"

#include <algorithm>

#include "cep/plan/pattern.h"
#include "cep/plan/zone.h"
#include "cep/value/civil_date.h"

namespace tocsin::cep {
namespace {
constexpr std::int64_t kWeekDays = 7;
constexpr std::int64_t kFirstMonday = -3;  // 1969-12-29, the Monday of the week of 1970-01-01
constexpr std::int64_t kHourUs = 3'600'000'000;

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a >= 0 ? a / b : -((-(a + 1)) / b) - 1;
}
}  // namespace

std::int64_t unit_of_day(CalendarUnit unit, std::int64_t day) {
  switch (unit) {
    case CalendarUnit::kDay:
      break;
    case CalendarUnit::kWeek:
      return floor_divide(day - kFirstMonday, kWeekDays);
    case CalendarUnit::kMonth: {
      const CivilDate date = civil_of(day);
      return date.year * 12 + date.month - 1;
    }
    case CalendarUnit::kYear:
      return civil_of(day).year;
  }
  return day;
}

std::int64_t first_day_of(CalendarUnit unit, std::int64_t number) {
  switch (unit) {
    case CalendarUnit::kDay:
      break;
    case CalendarUnit::kWeek:
      return number * kWeekDays + kFirstMonday;
    case CalendarUnit::kMonth: {
      const std::int64_t year = floor_divide(number, 12);
      return days_of({year, static_cast<int>(number - year * 12) + 1, 1});
    }
    case CalendarUnit::kYear:
      return days_of({number, 1, 1});
  }
  return number;
}

std::int64_t local_unit(const Zone& zone, CalendarUnit unit, EventTime time) {
  return unit_of_day(unit, local_day(zone, time));
}

EventTime over_everywhere(CalendarUnit unit, std::int64_t number) {
  // An offset is less than a day; the second day is spare.
  return {(first_day_of(unit, number + 1) + 2) * kDayUs};
}

Duration longest_unit(CalendarUnit unit) {
  // A zone may go a whole day back, and by the hours of daylight saving.
  constexpr std::int64_t kShiftUs = 26 * kHourUs;
  switch (unit) {
    case CalendarUnit::kDay:
      break;
    case CalendarUnit::kWeek:
      return {kWeekDays * kDayUs + kShiftUs};
    case CalendarUnit::kMonth:
      return {31 * kDayUs + kShiftUs};
    case CalendarUnit::kYear:
      return {366 * kDayUs + kShiftUs};
  }
  return {kDayUs + kShiftUs};
}

bool is_unit_number(CalendarUnit unit, std::int64_t number) {
  return number >= unit_of_day(unit, floor_divide(kEventTimeMin.us, kDayUs) - 1) &&
         number <= unit_of_day(unit, floor_divide(kEventTimeMax.us, kDayUs) + 1);
}

namespace {
// The first time, from `time` on, at which a clock shows a unit after that of this number.
EventTime first_after(const Zone& zone, CalendarUnit unit, std::int64_t number, EventTime time) {
  const std::int64_t local = first_day_of(unit, number + 1) * kDayUs;
  while (true) {
    const OffsetStretch offset = offset_at(zone, time);
    const EventTime begin{std::max(local - offset.offset_us, time.us)};
    if (begin < offset.until || offset.until >= kEventTimeMax) return begin;
    time = offset.until;
  }
}
}  // namespace

CalendarWindow calendar_window(const Zone& zone, CalendarUnit unit, EventTime time) {
  constexpr Duration kBack{2 * kDayUs};  // a clock is never set back by more
  std::int64_t number = local_unit(zone, unit, time);
  for (EventTime at = offset_at(zone, time).from; at > time - kBack;
       at = offset_at(zone, at).from) {
    at = at - Duration{1};
    number = std::max(number, local_unit(zone, unit, at));
  }
  return {first_after(zone, unit, number - 1, time - longest_unit(unit) - kBack),
          first_after(zone, unit, number, time)};
}

Duration longest_of(const ClosingWindow& window) {
  const CalendarSpan* const calendar = window.calendar();
  return calendar != nullptr ? longest_unit(calendar->unit) : window.duration();
}

std::int64_t CalendarCache::unit_at(const Zone& zone, CalendarUnit unit, EventTime time) {
  const std::size_t place = (reinterpret_cast<std::uintptr_t>(&zone) / sizeof(Zone) * 4 +
                             static_cast<std::size_t>(unit)) %
                            stretches_.size();
  Stretch& known = stretches_[place];
  if (known.zone == &zone && known.unit == unit && time.us >= known.from && time.us < known.until) {
    return known.number;
  }
  const OffsetStretch offset = offset_at(zone, time);
  const std::int64_t number = unit_of_day(unit, floor_divide(time.us + offset.offset_us, kDayUs));
  const std::int64_t begin = first_day_of(unit, number) * kDayUs - offset.offset_us;
  const std::int64_t end = first_day_of(unit, number + 1) * kDayUs - offset.offset_us;
  known = {&zone, unit, std::max(begin, offset.from.us), std::min(end, offset.until.us), number};
  return number;
}
}  // namespace tocsin::cep

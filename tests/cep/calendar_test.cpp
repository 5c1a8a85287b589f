#include "cep/plan/calendar.h"

#include <doctest/doctest.h>

#include <chrono>

#include "cep/plan/zone.h"
#include "cep/value/civil_date.h"
#include "tests/support/random.h"

namespace tocsin::cep {
namespace {
EventTime at(const char* text) {
  const auto time = parse_time(text);
  REQUIRE(time.has_value());
  return *time;
}
// Berlin around two changes of the clock; a zone that is set back over the begin of a month; one
// that leaves a day out.
Zone berlin() {
  return {"Europe/Berlin",
          {{kEventTimeMin, 3600},
           {at("2026-03-29T01:00:00Z"), 7200},
           {at("2026-10-25T01:00:00Z"), 3600}}};
}
Zone set_back() {
  return {"back", {{kEventTimeMin, -9'000}, {at("2009-11-01T02:31:00Z"), -12'600}}};
}
Zone skipping() {
  return {"skips", {{kEventTimeMin, -36'000}, {at("2011-12-30T10:00:00Z"), 50'400}}};
}

// By the standard library.
std::int64_t first_day(CalendarUnit unit, std::int64_t day) {
  using namespace std::chrono;
  const sys_days date{days{day}};
  const year_month_day ymd{date};
  switch (unit) {
    case CalendarUnit::kDay:
      break;
    case CalendarUnit::kWeek:
      return (date - (weekday{date} - Monday)).time_since_epoch().count();
    case CalendarUnit::kMonth:
      return sys_days{ymd.year() / ymd.month() / 1}.time_since_epoch().count();
    case CalendarUnit::kYear:
      return sys_days{ymd.year() / 1 / 1}.time_since_epoch().count();
  }
  return day;
}
constexpr CalendarUnit kUnits[] = {CalendarUnit::kDay, CalendarUnit::kWeek, CalendarUnit::kMonth,
                                   CalendarUnit::kYear};
}  // namespace

TEST_CASE("calendar: the units of every day from 1600 to 2400 are those of the standard library") {
  for (const CalendarUnit unit : kUnits) {
    CAPTURE(unit_name(unit));
    std::int64_t before = unit_of_day(unit, -135'141);
    for (std::int64_t day = -135'140; day < 157'000; ++day) {
      const std::int64_t number = unit_of_day(unit, day);
      const std::int64_t first = first_day(unit, day);
      REQUIRE(first_day_of(unit, number) == first);
      REQUIRE(number == (day == first ? before + 1 : before));
      before = number;
    }
  }
}

TEST_CASE("calendar: units of the first and the last event time") {
  for (const CalendarUnit unit : kUnits) {
    for (const EventTime time : {kEventTimeMin, kEventTimeMax}) {
      const std::int64_t number = unit_of_day(unit, day_of(time));
      CHECK(is_unit_number(unit, number));
      CHECK(unit_of_day(unit, first_day_of(unit, number)) == number);
      CHECK(unit_of_day(unit, first_day_of(unit, number) - 1) == number - 1);
    }
    CHECK_FALSE(is_unit_number(unit, INT64_MAX));
    CHECK_FALSE(is_unit_number(unit, INT64_MIN));
  }
}

TEST_CASE("calendar: months and weeks in Berlin begin at local midnight, whatever the clocks do") {
  struct Row {
    CalendarUnit unit;
    const char* inside;
    const char* begin;
    const char* end;
  };
  const Row rows[] = {
      {CalendarUnit::kMonth, "2026-02-10T00:00:00Z", "2026-01-31T23:00:00Z",
       "2026-02-28T23:00:00Z"},
      {CalendarUnit::kMonth, "2026-03-15T00:00:00Z", "2026-02-28T23:00:00Z",
       "2026-03-31T22:00:00Z"},
      {CalendarUnit::kMonth, "2026-10-31T22:59:59Z", "2026-09-30T22:00:00Z",
       "2026-10-31T23:00:00Z"},
      {CalendarUnit::kMonth, "2026-10-31T23:00:00Z", "2026-10-31T23:00:00Z",
       "2026-11-30T23:00:00Z"},
      {CalendarUnit::kWeek, "2026-03-29T21:59:59Z", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z"},
      {CalendarUnit::kWeek, "2026-01-01T12:00:00Z", "2025-12-28T23:00:00Z", "2026-01-04T23:00:00Z"},
      {CalendarUnit::kDay, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
      {CalendarUnit::kDay, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
      {CalendarUnit::kYear, "2026-07-01T00:00:00Z", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z"},
  };
  const Zone zone = berlin();
  CalendarCache cache;
  for (const Row& row : rows) {
    CAPTURE(row.inside);
    const std::int64_t number = local_unit(zone, row.unit, at(row.inside));
    CHECK(local_unit(zone, row.unit, at(row.begin)) == number);
    CHECK(local_unit(zone, row.unit, at(row.begin) - Duration{1}) == number - 1);
    CHECK(local_unit(zone, row.unit, at(row.end)) == number + 1);
    const CalendarWindow window = calendar_window(zone, row.unit, at(row.inside));
    CHECK(format_time(window.begin) == row.begin);
    CHECK(format_time(window.end) == row.end);
    CHECK(cache.unit_at(zone, row.unit, at(row.inside)) == number);
    CHECK(cache.unit_at(zone, row.unit, at(row.end) - Duration{1}) == number);
    CHECK(cache.unit_at(zone, row.unit, at(row.end)) == number + 1);
  }
}

TEST_CASE("calendar: a clock set back over the begin of a month shows two months twice") {
  // St. John's, 2009-11-01: one minute after midnight it was 23:01 again.
  const Zone zone = set_back();
  const auto month = [&](const char* time) {
    return local_unit(zone, CalendarUnit::kMonth, at(time));
  };
  const std::int64_t october = month("2009-10-15T00:00:00Z");
  CHECK(month("2009-11-01T02:29:59Z") == october);
  CHECK(month("2009-11-01T02:30:00Z") == october + 1);
  CHECK(month("2009-11-01T02:31:00Z") == october);
  CHECK(month("2009-11-01T03:30:00Z") == october + 1);
  // The window of November begins once.
  for (const char* time : {"2009-11-01T02:30:00Z", "2009-11-01T02:31:00Z", "2009-11-01T03:00:00Z",
                           "2009-11-01T03:30:00Z", "2009-11-20T00:00:00Z"}) {
    CAPTURE(time);
    const CalendarWindow window = calendar_window(zone, CalendarUnit::kMonth, at(time));
    CHECK(format_time(window.begin) == "2009-11-01T02:30:00Z");
    CHECK(format_time(window.end) == "2009-12-01T03:30:00Z");
  }
  const CalendarWindow before =
      calendar_window(zone, CalendarUnit::kMonth, at("2009-11-01T02:29:59Z"));
  CHECK(format_time(before.end) == "2009-11-01T02:30:00Z");
}

TEST_CASE("calendar: windows follow one another without gaps, and a cache changes nothing") {
  const Zone zones[] = {berlin(), set_back(), skipping(), {"utc", {}}};
  tests::for_all_seeds("calendar", 300, [&](tests::Random& random) {
    const Zone& zone = zones[random.below(4)];
    const CalendarUnit unit = kUnits[random.below(4)];
    CAPTURE(zone.name);
    CAPTURE(unit_name(unit));
    const EventTime near =
        zone.changes.empty() ? at("2026-01-01T00:00:00Z") : zone.changes.back().from;
    CalendarCache cache;
    for (int i = 0; i < 40; ++i) {
      const std::int64_t reach = random.pick<std::int64_t>({60, 4'000, 90'000, 40'000'000});
      const EventTime time = near + Duration{random.between(-reach, reach) * 1'000'000};
      REQUIRE(cache.unit_at(zone, unit, time) == local_unit(zone, unit, time));
      const CalendarWindow window = calendar_window(zone, unit, time);
      REQUIRE(window.begin <= time);
      REQUIRE(time < window.end);
      REQUIRE(window.end - window.begin <= longest_unit(unit));
      REQUIRE(calendar_window(zone, unit, window.end).begin == window.end);
      REQUIRE(calendar_window(zone, unit, window.begin).end == window.end);
      REQUIRE(time < over_everywhere(unit, local_unit(zone, unit, time)));
    }
  });
}
}  // namespace tocsin::cep

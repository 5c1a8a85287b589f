#include "tests/support/oracle_calendar.h"

#include <chrono>
#include <set>

#include "cep/base/assert.h"
#include "cep/plan/zone.h"
#include "tests/support/oracle_text.h"

namespace tocsin::oracle {
using cep::CalendarUnit;
using cep::EventTime;

namespace {
using std::chrono::days;
using std::chrono::sys_days;

std::int64_t first_day(CalendarUnit unit, std::int64_t day) {
  const sys_days date{days{day}};
  const std::chrono::year_month_day ymd{date};
  sys_days first = date;
  if (unit == CalendarUnit::kWeek) {
    first = date - days{std::chrono::weekday{date}.iso_encoding() - 1};
  } else if (unit == CalendarUnit::kMonth) {
    first = sys_days{ymd.year() / ymd.month() / 1};
  } else if (unit == CalendarUnit::kYear) {
    first = sys_days{ymd.year() / 1 / 1};
  }
  return first.time_since_epoch().count();
}
}  // namespace

std::optional<std::int64_t> unit_in_zone(const cep::Plan& plan, const cep::Value& zone,
                                         CalendarUnit unit, EventTime time) {
  const cep::Value local = local_time(plan, zone, time);
  if (local.is_missing()) return std::nullopt;
  const auto us = static_cast<std::int64_t>(local.number);
  return first_day(unit, us / cep::kDayUs - (us % cep::kDayUs < 0 ? 1 : 0));
}

std::int64_t next_unit(CalendarUnit unit, std::int64_t first) {
  std::int64_t day = first;
  while (first_day(unit, day) == first) ++day;
  return day;
}

std::pair<EventTime, EventTime> calendar_window_at(const cep::Plan& plan, const std::string& zone,
                                                   CalendarUnit unit, EventTime time) {
  const cep::Value name = cep::Value::string(zone);
  const auto shown = [&](EventTime at) { return *unit_in_zone(plan, name, unit, at); };
  // Whatever a clock shows changes to a later unit at a midnight, or where the offset changes.
  constexpr std::int64_t kReach = 800;
  const std::int64_t today = time.us / cep::kDayUs;
  std::set<EventTime> moments;
  for (const cep::Zone& known : plan.zones) {
    if (known.name != zone) continue;
    std::set<std::int64_t> offsets = {0};
    for (const cep::Zone::Change& change : known.changes) {
      offsets.insert(std::int64_t{change.offset_seconds} * 1'000'000);
      moments.insert(change.from);
    }
    for (std::int64_t day = today - kReach; day <= today + kReach; ++day) {
      if (first_day(unit, day) != day) continue;
      for (const std::int64_t offset : offsets) moments.insert({day * cep::kDayUs - offset});
    }
  }
  std::optional<std::pair<EventTime, std::int64_t>> latest;  // since when, the unit
  for (const EventTime moment : moments) {
    if (moment.us < (today - kReach) * cep::kDayUs) continue;
    const std::int64_t now = shown(moment);
    if (latest && now <= latest->second) continue;
    if (moment > time) return {latest->first, moment};
    latest = {moment, now};
  }
  TOCSIN_ASSERT(false, "a unit ends");
  return {};
}
}  // namespace tocsin::oracle

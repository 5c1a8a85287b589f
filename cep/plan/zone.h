/// Local time in a zone of the plan: the zone's offset by binary search among its changes. No file
/// is read; the rules of the zones stand in the plan (Plan::zones).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/value/time.h"

namespace tocsin::cep {
/// The rules of a time zone, as data: from `from` on local time is UTC + `offset`. Ascending; the
/// first holds before it too.
struct Zone {
  struct Change {
    EventTime from;
    std::int32_t offset_seconds = 0;
  };
  std::string name;
  std::vector<Change> changes;
};
/// The zone of this name among `zones`, which ascend by name; null where there is none: what needs
/// its local time is then missing.
const Zone* find_zone(const std::vector<Zone>& zones, std::string_view name);
/// What a clock in the zone shows at `time`, as the time that it would be in UTC: its hour, weekday
/// and day are read off as those of UTC. A zone without changes is UTC.
EventTime local_time(const Zone& zone, EventTime time);
/// The offset that holds in the zone at `time`, and from when to (and without) when it does:
/// kEventTimeMin and kEventTimeMax where it has no end.
struct OffsetStretch {
  std::int64_t offset_us = 0;
  EventTime from = kEventTimeMin;
  EventTime until = kEventTimeMax;
};
OffsetStretch offset_at(const Zone& zone, EventTime time);
/// The day in the zone at `time`, as days since 1970-01-01.
std::int64_t local_day(const Zone& zone, EventTime time);
/// The day that a time in microseconds since the epoch falls on, rounded down also before it.
constexpr std::int64_t day_of(EventTime time) {
  return time.us >= 0 ? time.us / kDayUs : -((-(time.us + 1)) / kDayUs) - 1;
}
}  // namespace tocsin::cep

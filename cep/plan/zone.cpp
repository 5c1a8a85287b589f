#include "cep/plan/zone.h"

#include <algorithm>

namespace tocsin::cep {
const Zone* find_zone(const std::vector<Zone>& zones, std::string_view name) {
  const auto found = std::lower_bound(
      zones.begin(), zones.end(), name,
      [](const Zone& zone, std::string_view wanted) { return zone.name < wanted; });
  return found != zones.end() && found->name == name ? &*found : nullptr;
}

OffsetStretch offset_at(const Zone& zone, EventTime time) {
  if (zone.changes.empty()) return {};
  const auto later = std::upper_bound(
      zone.changes.begin(), zone.changes.end(), time,
      [](EventTime wanted, const Zone::Change& change) { return wanted < change.from; });
  // The first offset holds before it too.
  const auto change = later == zone.changes.begin() ? later : later - 1;
  OffsetStretch found;
  found.offset_us = std::int64_t{change->offset_seconds} * 1'000'000;
  if (change != zone.changes.begin()) found.from = change->from;
  const auto next = change + 1;
  if (next != zone.changes.end()) found.until = next->from;
  return found;
}

EventTime local_time(const Zone& zone, EventTime time) {
  return time + Duration{offset_at(zone, time).offset_us};
}

std::int64_t local_day(const Zone& zone, EventTime time) { return day_of(local_time(zone, time)); }
}  // namespace tocsin::cep

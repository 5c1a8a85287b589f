#include "cep/zone.h"

#include <algorithm>

namespace tocsin::cep {
const Zone* find_zone(const std::vector<Zone>& zones, std::string_view name) {
  const auto found = std::lower_bound(
      zones.begin(), zones.end(), name,
      [](const Zone& zone, std::string_view wanted) { return zone.name < wanted; });
  return found != zones.end() && found->name == name ? &*found : nullptr;
}

EventTime local_time(const Zone& zone, EventTime time) {
  if (zone.changes.empty()) return time;
  auto change = std::upper_bound(
      zone.changes.begin(), zone.changes.end(), time,
      [](EventTime wanted, const Zone::Change& later) { return wanted < later.from; });
  if (change != zone.changes.begin()) --change;
  return time + Duration{std::int64_t{change->offset_seconds} * 1'000'000};
}

std::int64_t local_day(const Zone& zone, EventTime time) { return day_of(local_time(zone, time)); }
}  // namespace tocsin::cep

#include "rules/context/zone_table.h"

#include <doctest/doctest.h>

#include <string>

#include "cep/plan/zone.h"

namespace tocsin::rules {
namespace {
cep::Zone system_zone(const std::string& name) {
  const Result<std::string> bytes = read_system_zone(name);
  REQUIRE_MESSAGE(bytes.has_value(), "the tests need the package tzdata");
  Result<cep::Zone> zone = parse_zone(name, *bytes);
  REQUIRE(zone.has_value());
  return std::move(*zone);
}

TEST_CASE("zones: daylight saving in the past and up to 2100") {
  struct Row {
    const char* zone;
    const char* utc;
    const char* local;
  };
  static const Row kRows[] = {
      {"Europe/Berlin", "2026-07-01T12:00:00Z", "2026-07-01T14:00:00Z"},
      {"Europe/Berlin", "2026-12-01T12:00:00Z", "2026-12-01T13:00:00Z"},
      {"Europe/Berlin", "1975-07-01T12:00:00Z", "1975-07-01T13:00:00Z"},  // none that year
      {"Europe/Berlin", "1945-06-01T12:00:00Z", "1945-06-01T15:00:00Z"},  // double summer time
      {"Europe/Berlin", "2038-07-01T12:00:00Z", "2038-07-01T14:00:00Z"},
      {"Europe/Berlin", "2099-03-29T00:59:59Z", "2099-03-29T01:59:59Z"},
      {"Europe/Berlin", "2099-03-29T01:00:00Z", "2099-03-29T03:00:00Z"},
      {"Europe/Berlin", "2100-07-01T12:00:00Z", "2100-07-01T14:00:00Z"},
      {"Europe/Berlin", "2100-10-31T00:59:59Z", "2100-10-31T02:59:59Z"},
      {"Europe/Berlin", "2100-10-31T01:00:00Z", "2100-10-31T02:00:00Z"},
      {"America/New_York", "2026-03-08T06:59:59Z", "2026-03-08T01:59:59Z"},
      {"America/New_York", "2026-03-08T07:00:00Z", "2026-03-08T03:00:00Z"},
      {"America/New_York", "2006-03-20T12:00:00Z", "2006-03-20T07:00:00Z"},  // the rule before 2007
      {"America/New_York", "2060-03-14T07:00:00Z", "2060-03-14T03:00:00Z"},
      {"Australia/Sydney", "2050-01-01T00:00:00Z", "2050-01-01T11:00:00Z"},
      {"Australia/Sydney", "2050-07-01T00:00:00Z", "2050-07-01T10:00:00Z"},
      {"Asia/Kolkata", "2090-01-01T00:00:00Z", "2090-01-01T05:30:00Z"},
      {"Europe/Dublin", "2045-07-01T12:00:00Z", "2045-07-01T13:00:00Z"},
      {"Europe/Dublin", "2045-12-01T12:00:00Z", "2045-12-01T12:00:00Z"},
      {"Asia/Tokyo", "2026-01-01T00:00:00Z", "2026-01-01T09:00:00Z"},
      {"UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"},
      {"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T23:59:59Z"},  // then a day was left out
      {"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T00:00:00Z"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.zone);
    CAPTURE(row.utc);
    const cep::EventTime utc = cep::parse_time(row.utc).value();
    CHECK(cep::format_time(cep::local_time(system_zone(row.zone), utc)) == row.local);
  }
}

TEST_CASE("zones: a damaged file is none") {
  const std::string bytes = read_system_zone("Europe/Berlin").value();
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    CHECK(!parse_zone("x", std::string_view(bytes).substr(0, size)).has_value());
  }
  CHECK(!parse_zone("x", "no zone at all").has_value());
}

TEST_CASE("zones: names outside of the database's folder are unknown, all others are listed") {
  ZoneTable zones(read_system_zone);
  CHECK(zones.use("../../../etc/passwd") == ZoneTable::Use::kUnknown);
  CHECK(zones.use("/etc/passwd") == ZoneTable::Use::kUnknown);
  CHECK(zones.use("") == ZoneTable::Use::kUnknown);
  CHECK(zones.use("Europe") == ZoneTable::Use::kUnknown);
  CHECK(zones.use("Europe/Berlin") == ZoneTable::Use::kKnown);
  CHECK(zones.names().size() > 400);
  CHECK(zones.take().size() == 1);
}
}  // namespace
}  // namespace tocsin::rules

#include "cep/plan/zone.h"

#include <doctest/doctest.h>

namespace tocsin::cep {
namespace {
EventTime at(const char* text) { return parse_time(text).value(); }

// Stockholm around 2026: winter time, summer time from 29 March 01:00 UTC to 25 October 01:00 UTC.
Zone stockholm() {
  return {"Europe/Stockholm",
          {{at("2025-10-26T01:00:00Z"), 3600},
           {at("2026-03-29T01:00:00Z"), 7200},
           {at("2026-10-25T01:00:00Z"), 3600}}};
}

TEST_CASE("zone: local time follows the offset in force") {
  struct Row {
    const char* utc;
    const char* local;
  };
  constexpr Row kRows[] = {
      {"2020-06-01T00:00:00Z", "2020-06-01T01:00:00Z"},  // before the first change: its offset
      {"2026-03-29T00:59:59Z", "2026-03-29T01:59:59Z"},
      {"2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"},
      {"2026-10-25T00:59:59Z", "2026-10-25T02:59:59Z"},
      {"2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
      {"2040-01-01T00:00:00Z", "2040-01-01T01:00:00Z"},
  };
  const Zone zone = stockholm();
  for (const Row& row : kRows) {
    CAPTURE(row.utc);
    CHECK(format_time(local_time(zone, at(row.utc))) == row.local);
  }
}

TEST_CASE("zone: the local day changes at local midnight, also before the epoch") {
  const Zone zone = stockholm();
  CHECK(format_date(local_day(zone, at("2026-01-01T22:59:59Z"))) == "2026-01-01");
  CHECK(format_date(local_day(zone, at("2026-01-01T23:00:00Z"))) == "2026-01-02");
  CHECK(format_date(local_day(zone, at("2026-07-01T21:59:59Z"))) == "2026-07-01");
  CHECK(format_date(local_day(zone, at("2026-07-01T22:00:00Z"))) == "2026-07-02");
  CHECK(format_date(local_day(zone, at("1969-12-31T22:59:59Z"))) == "1969-12-31");
  CHECK(day_of({-1}) == -1);
  CHECK(day_of({-kDayUs}) == -1);
  CHECK(day_of({-kDayUs - 1}) == -2);
  CHECK(day_of({0}) == 0);
  CHECK(day_of({kDayUs - 1}) == 0);
}

TEST_CASE("zone: found by name; a zone without changes is UTC") {
  const std::vector<Zone> zones = {{"Asia/Tokyo", {{{0}, 32'400}}}, stockholm(), {"UTC", {}}};
  REQUIRE(find_zone(zones, "Europe/Stockholm") != nullptr);
  CHECK(find_zone(zones, "Europe/Stockholm")->changes.size() == 3);
  CHECK(find_zone(zones, "Europe/Paris") == nullptr);
  CHECK(find_zone(zones, "") == nullptr);
  REQUIRE(find_zone(zones, "UTC") != nullptr);
  CHECK(local_time(*find_zone(zones, "UTC"), {5}).us == 5);
}
}  // namespace
}  // namespace tocsin::cep

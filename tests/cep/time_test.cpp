#include "cep/value/time.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/support/printing.h"

namespace tocsin::cep {
TEST_CASE("time: RFC 3339 is read to microseconds and written back in UTC") {
  struct Row {
    const char* text;
    std::int64_t us;
    const char* written;
  };
  constexpr Row kRows[] = {
      {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"},
      {"2026-03-02T12:01:00Z", 1'772'452'860'000'000, "2026-03-02T12:01:00Z"},
      {"2026-03-02t12:01:00z", 1'772'452'860'000'000, "2026-03-02T12:01:00Z"},
      {"2026-03-02T13:01:00+01:00", 1'772'452'860'000'000, "2026-03-02T12:01:00Z"},
      {"2026-03-02T06:31:00-05:30", 1'772'452'860'000'000, "2026-03-02T12:01:00Z"},
      {"2026-03-02T12:01:00-00:00", 1'772'452'860'000'000, "2026-03-02T12:01:00Z"},
      {"2026-03-02T12:01:00.5Z", 1'772'452'860'500'000, "2026-03-02T12:01:00.500Z"},
      {"2026-03-02T12:01:00.000001Z", 1'772'452'860'000'001, "2026-03-02T12:01:00.000001Z"},
      {"2026-03-02T12:01:00.123456000Z", 1'772'452'860'123'456, "2026-03-02T12:01:00.123456Z"},
      {"1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z"},
      {"2024-02-29T00:00:00Z", 1'709'164'800'000'000, "2024-02-29T00:00:00Z"},
      {"2000-02-29T00:00:00Z", 951'782'400'000'000, "2000-02-29T00:00:00Z"},
      {"0000-01-01T00:00:00Z", -62'167'219'200'000'000, "0000-01-01T00:00:00Z"},
      {"9999-12-31T23:59:59Z", 253'402'300'799'000'000, "9999-12-31T23:59:59Z"},
      {"1970-01-01T00:00:00+23:59", -86'340'000'000, "1969-12-31T00:01:00Z"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const std::optional<EventTime> time = parse_time(row.text);
    REQUIRE(time.has_value());
    CHECK(time->us == row.us);
    CHECK(format_time(*time) == row.written);
  }
}

TEST_CASE("time: what is no RFC 3339 time with a zone is refused") {
  constexpr const char* kTexts[] = {"",
                                    "2026-03-02",
                                    "2026-03-02T12:01:00",
                                    "2026-03-02 12:01:00Z",
                                    "2026-3-02T12:01:00Z",
                                    "2026-02-29T00:00:00Z",
                                    "1900-02-29T00:00:00Z",
                                    "2026-04-31T00:00:00Z",
                                    "2026-00-01T00:00:00Z",
                                    "2026-13-01T00:00:00Z",
                                    "2026-01-00T00:00:00Z",
                                    "2026-01-01T24:00:00Z",
                                    "2026-01-01T00:60:00Z",
                                    "2026-01-01T00:00:60Z",
                                    "2026-01-01T00:00:00.Z",
                                    "2026-01-01T00:00:00.1234567Z",
                                    "2026-01-01T00:00:00.1234560000Z",
                                    "2026-01-01T00:00:00+1:00",
                                    "2026-01-01T00:00:00+0100",
                                    "2026-01-01T00:00:00+24:00",
                                    "2026-01-01T00:00:00Zx",
                                    "-2026-01-01T00:00:00Z",
                                    "2026-01-01T00:00:00+",
                                    "2026-01-01T00:00:00.5"};
  for (const char* text : kTexts) {
    CAPTURE(text);
    CHECK(!parse_time(text).has_value());
  }
}

TEST_CASE("time: years of more than four digits are written in the expanded form") {
  CHECK(format_time(kEventTimeMax) == "+148108-07-06T14:00:27.387904Z");
  CHECK(format_time(kEventTimeMin) == "-144169-06-28T09:59:32.612096Z");
}

TEST_CASE("date: days since the epoch, both ways") {
  struct Row {
    const char* text;
    std::int64_t days;
  };
  constexpr Row kRows[] = {{"1970-01-01", 0},      {"1969-12-31", -1},     {"2027-01-01", 20'819},
                           {"2000-02-29", 11'016}, {"2000-03-01", 11'017}, {"1900-02-28", -25'509},
                           {"1900-03-01", -25'508}};
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(parse_date(row.text) == row.days);
    CHECK(format_date(row.days) == row.text);
  }
  for (const char* text : {"", "2026-02-30", "2026-2-3", "2026-02-03x", "26-02-03", "2026/02/03"}) {
    CAPTURE(text);
    CHECK(!parse_date(text).has_value());
  }
  // Every day of four centuries reads back as itself.
  for (std::int64_t days = -80'000; days < 80'000; ++days) {
    if (parse_date(format_date(days)) != days) FAIL("day " << days << " does not read back");
  }
}

TEST_CASE("duration: written in the rule language's units and read back") {
  struct Row {
    std::int64_t us;
    const char* text;
  };
  constexpr Row kRows[] = {
      {0, "0s"},
      {500'000, "500ms"},
      {10'000'000, "10s"},
      {600'000'000, "10m"},
      {5'400'000'000, "1h30m"},
      {86'400'000'000, "1d"},
      {90'000'000'000, "1d1h"},
      {604'800'000'000, "1w"},
      {1'209'600'000'000, "2w"},
      {2'592'000'000'000, "30d"},
      {1'500'000, "1s500ms"},
      {std::int64_t{1} << 62, "53375995d14h27s387.904ms"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(format_duration({row.us}) == row.text);
    if (row.us % 1000 == 0) CHECK(parse_duration(row.text) == Duration{row.us});
  }
  CHECK(format_duration({250}) == "0.25ms");
  CHECK(format_duration({1}) == "0.001ms");
  CHECK(format_duration({1'001'500}) == "1s1.5ms");
  CHECK(format_duration({-90'000'000}) == "-1m30s");
  CHECK(format_duration({std::numeric_limits<std::int64_t>::min()}) == "-106751991d4h54s775.808ms");
}

TEST_CASE("duration: the rule language's form alone is read") {
  CHECK(parse_duration("90m") == Duration{5'400'000'000});
  CHECK(parse_duration("1m1h") == Duration{3'660'000'000});
  CHECK(parse_duration("10_000ms") == Duration{10'000'000});
  CHECK(parse_duration("2w") == Duration{1'209'600'000'000});
  for (const char* text : {"", "10", "s", "10 s", "1.5h", "-1s", "1y", "1h30", "1us", "_1s",
                           "99999999999999999999s", "20000000000d", "1h 30m"}) {
    CAPTURE(text);
    CHECK(!parse_duration(text).has_value());
  }
}
}  // namespace tocsin::cep

#include "rules/text/human_text.h"

#include <doctest/doctest.h>

namespace tocsin::api {
namespace {
TEST_CASE("human text: counts have a comma every three digits") {
  struct Row {
    std::uint64_t count;
    const char* text;
  };
  constexpr Row kRows[] = {{0, "0"},
                           {7, "7"},
                           {999, "999"},
                           {1000, "1,000"},
                           {12345, "12,345"},
                           {1767019, "1,767,019"},
                           {100000, "100,000"},
                           {18446744073709551615u, "18,446,744,073,709,551,615"}};
  for (const Row& row : kRows) CHECK(rules::format_count(row.count) == row.text);
  CHECK(rules::format_count(1, "event") == "1 event");
  CHECK(rules::format_count(0, "event") == "0 events");
  CHECK(rules::format_count(2000, "event") == "2,000 events");
  CHECK(rules::format_count(1, "partial match") == "1 partial match");
  CHECK(rules::format_count(2, "partial match") == "2 partial matches");
}

TEST_CASE("human text: sizes take the largest unit that keeps them below a thousand") {
  struct Row {
    std::uint64_t bytes;
    const char* text;
  };
  constexpr Row kRows[] = {{0, "0 B"},
                           {999, "999 B"},
                           {1000, "1.0 KB"},
                           {1549, "1.5 KB"},
                           {999'949, "999.9 KB"},
                           {999'950, "1.0 MB"},
                           {500'000'000, "500.0 MB"},
                           {2'340'000'000, "2.3 GB"}};
  for (const Row& row : kRows) CHECK(rules::format_bytes(row.bytes) == row.text);
}

TEST_CASE("human text: times are rounded before they are split into units") {
  struct Row {
    double seconds;
    const char* text;
  };
  constexpr Row kRows[] = {{0, "0.00 s"},      {0.016, "0.02 s"},    {0.996, "1.0 s"},
                           {2.14, "2.1 s"},    {59.96, "1 min 0 s"}, {200, "3 min 20 s"},
                           {7500, "2 h 5 min"}};
  for (const Row& row : kRows) CHECK(rules::format_seconds(row.seconds) == row.text);
}

TEST_CASE("human text: a rate over no time is 0") {
  CHECK(rules::per_second(10, 0) == 0);
  CHECK(rules::per_second(10, 0.5) == 20);
}
}  // namespace
}  // namespace tocsin::api

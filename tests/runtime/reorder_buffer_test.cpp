#include "runtime/event_time/reorder_buffer.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "runtime/event_time/watermark.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
TEST_CASE("reorder buffer: gives every row once, in order, none before its bound has passed") {
  tests::for_all_seeds("runtime", 500, [](tests::Random& random) {
    const cep::Duration bound{random.pick<std::int64_t>(
        {0, 1, 3, 127, 128, 129, 1000, 800'000, 3'600'000'000, std::int64_t{1} << 61})};
    WatermarkTracker tracker(bound);
    ReorderBuffer buffer(bound);
    std::vector<WaitingRow> given;
    std::vector<WaitingRow> added;
    std::int64_t now =
        random.pick<std::int64_t>({-1'000'000, 0, 1'700'000'000'000'000, cep::kEventTimeMin.us});
    for (std::uint64_t place = 0; place < 400; ++place) {
      now += random.chance(2) ? bound.us + bound.us / 4 : random.between(0, bound.us / 50 + 1);
      if (now > cep::kEventTimeMax.us) break;
      cep::EventTime time{now - (random.chance(60) ? random.between(0, bound.us) : 0)};
      time = std::max(time, tracker.watermark());
      if (tracker.observe(time)) buffer.advance(tracker.watermark(), given);
      CHECK(buffer.settled() <= tracker.watermark());
      buffer.add({time, place}, given);
      added.push_back({time, place});
      // What was given is settled; with bound 0 that is all.
      REQUIRE(std::is_sorted(given.begin(), given.end()));
      REQUIRE(given.size() + buffer.waiting() == added.size());
      if (bound.us > 0 && !given.empty()) REQUIRE(given.back().time < buffer.settled());
    }
    // No row that is settled is suppressed.
    for (const WaitingRow& row : added) {
      if (row.time < buffer.settled()) REQUIRE(std::binary_search(given.begin(), given.end(), row));
    }
    buffer.drain(given);
    std::sort(added.begin(), added.end());
    REQUIRE(given == added);
    REQUIRE(buffer.waiting() == 0);
  });
}

TEST_CASE("reorder buffer: settled time is close behind the watermark") {
  ReorderBuffer buffer(cep::Duration{1'000'000});
  std::vector<WaitingRow> given;
  for (std::int64_t us = 0; us < 10'000'000; us += 777) {
    buffer.advance({us}, given);
    CHECK(us - buffer.settled().us < 1'000'000 / 64);
  }
}
}  // namespace tocsin::runtime

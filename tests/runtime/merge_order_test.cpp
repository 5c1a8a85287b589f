#include "runtime/event_time/merge_order.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "tests/support/random.h"

namespace tocsin::runtime {
TEST_CASE("merge order: none of no inputs") { CHECK_FALSE(MergeOrder(0).is_open()); }

TEST_CASE("merge order: always the input with the least watermark, the first of equals") {
  tests::for_all_seeds("runtime", 300, [](tests::Random& random) {
    const std::size_t count = 1 + random.below(8);
    MergeOrder order(count);
    std::vector<cep::EventTime> watermarks(count, cep::kEventTimeMin);
    std::vector<bool> ended(count);
    for (int step = 0; step < 300; ++step) {
      std::optional<std::size_t> expected;
      for (std::size_t i = 0; i < count; ++i) {
        if (!ended[i] && (!expected || watermarks[i] < watermarks[*expected])) expected = i;
      }
      REQUIRE(order.is_open() == expected.has_value());
      if (!expected) break;
      REQUIRE(order.current() == *expected);
      if (random.chance(2)) {
        ended[*expected] = true;
        order.end();
      } else if (random.chance(80)) {
        cep::EventTime& watermark = watermarks[*expected];
        watermark = watermark == cep::kEventTimeMin
                        ? cep::EventTime{random.between(0, 5)}
                        : cep::EventTime{watermark.us + random.between(0, 5)};
        order.advance(watermark);
      }
    }
  });
}
}  // namespace tocsin::runtime

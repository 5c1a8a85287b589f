#include "runtime/event_time/watermark.h"

#include <doctest/doctest.h>

#include "cep/plan/event_type.h"
#include "tests/runtime/event_plan.h"
#include "tests/support/printing.h"

namespace tocsin::runtime {
TEST_CASE("watermark: an event is late once it is more than the bound behind") {
  struct Row {
    const char* name;
    std::int64_t newest_us, probe_us;
    bool late;
  };
  constexpr Row kRows[] = {{"newest", 100, 100, false},
                           {"newer", 100, 101, false},
                           {"at the bound", 100, 90, false},
                           {"past it", 100, 89, true}};
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    WatermarkTracker tracker(cep::Duration{10});
    tracker.observe(cep::EventTime{row.newest_us});
    CHECK(tracker.is_late(cep::EventTime{row.probe_us}) == row.late);
  }
}

TEST_CASE("watermark: never moves back, and says when it moved") {
  WatermarkTracker tracker(cep::Duration{10});
  CHECK(tracker.watermark() == cep::kEventTimeMin);
  CHECK(tracker.observe({100}));
  CHECK(tracker.watermark() == cep::EventTime{90});
  CHECK_FALSE(tracker.observe({95}));
  CHECK_FALSE(tracker.observe({100}));
  CHECK(tracker.observe({101}));
  CHECK(tracker.watermark() == cep::EventTime{91});
  CHECK(tracker.watermark() == cep::EventTime{91});
}

TEST_CASE("watermark: the ends of time do not overflow") {
  WatermarkTracker tracker(cep::Duration{cep::kEventTimeMax.us});
  CHECK_FALSE(tracker.observe(cep::kEventTimeMin));
  CHECK(tracker.observe(cep::kEventTimeMax));
  CHECK(tracker.watermark() == cep::EventTime{0});
}

TEST_CASE("watermark: a source waits for the latest of its types") {
  cep::Plan plan = tests::event_plan();
  CHECK(bound_of(plan) == cep::Duration{0});
  plan.event_types[1].bound = {30};
  plan.event_types[2].bound = {20};
  CHECK(bound_of(plan) == cep::Duration{30});
}
}  // namespace tocsin::runtime

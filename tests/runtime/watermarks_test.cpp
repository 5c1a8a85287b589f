#include "runtime/event_time/watermarks.h"

#include <doctest/doctest.h>

#include "tests/support/printing.h"

namespace tocsin::runtime {
namespace {
using cep::Duration;
using cep::EventTime;
using cep::kEventTimeMin;
}  // namespace

TEST_CASE("watermarks: the engine's is the least of those that hold it") {
  Watermarks marks;
  CHECK(marks.engine() == kEventTimeMin);
  CHECK(marks.holder() == std::nullopt);
  const std::size_t a = marks.open(Duration{10});
  const std::size_t b = marks.open(Duration{0});
  marks.observe(a, {100}, {0});
  CHECK(marks.engine() == kEventTimeMin);
  CHECK(marks.holder() == b);
  marks.observe(b, {95}, {0});
  CHECK(marks.engine() == EventTime{90});
  CHECK(marks.holder() == a);
  marks.observe(a, {120}, {0});
  CHECK(marks.engine() == EventTime{95});
}

TEST_CASE(
    "watermarks: a source that is new or wakes begins at the engine's, which never moves back") {
  Watermarks marks;
  const std::size_t a = marks.open(Duration{0});
  marks.observe(a, {100}, {0});
  const std::size_t b = marks.open(Duration{50});
  CHECK(marks.source(b).tracker.watermark() == EventTime{100});
  marks.idle(b);
  marks.observe(a, {200}, {0});
  CHECK(marks.engine() == EventTime{200});
  CHECK(marks.source(b).tracker.watermark() == EventTime{100});
  marks.wake(b);
  CHECK(marks.source(b).tracker.watermark() == EventTime{200});
  // One that was ahead of the others goes on from where it was.
  marks.observe(a, {300}, {0});
  marks.end(a);
  CHECK(marks.engine() == EventTime{200});
  marks.idle(b);
  CHECK(marks.engine() == EventTime{200});
  marks.wake(a);
  CHECK(marks.engine() == EventTime{300});
  // Idle is nothing for what has ended.
  marks.end(a);
  marks.idle(a);
  CHECK(marks.source(a).state == SourceState::kEnded);
}

TEST_CASE("watermarks: a heartbeat moves time on as far as the clock went, and not beyond it") {
  Watermarks marks;
  const std::size_t a = marks.open(Duration{10});
  marks.heartbeat(std::nullopt, {5'000});
  CHECK(marks.engine() == kEventTimeMin);  // nothing is known of it
  marks.observe(a, {1'000}, {1'200});      // 200 behind the clock
  marks.heartbeat(std::nullopt, {1'100});  // the clock jumped back
  CHECK(marks.engine() == EventTime{990});
  marks.heartbeat(std::nullopt, {1'500});
  CHECK(marks.engine() == EventTime{1'290});
  marks.heartbeat(a, {1'600});
  CHECK(marks.engine() == EventTime{1'390});
  marks.observe(a, {3'000}, {1'700});  // ahead of the clock
  marks.heartbeat(std::nullopt, {2'000});
  CHECK(marks.engine() == EventTime{2'990});
  marks.heartbeat(std::nullopt, {3'500});
  CHECK(marks.engine() == EventTime{3'490});
}

TEST_CASE("watermarks: heartbeats of several sources") {
  Watermarks marks;
  const std::size_t a = marks.open(Duration{0});
  const std::size_t b = marks.open(Duration{0});
  const std::size_t never = marks.open(Duration{0});
  marks.observe(a, {100}, {100});
  marks.observe(b, {150}, {200});
  // One that never said anything holds back all, but where all are silent.
  marks.heartbeat(a, {300});
  CHECK(marks.source(a).tracker.watermark() == EventTime{300});
  CHECK(marks.engine() == kEventTimeMin);
  marks.heartbeat(std::nullopt, {300});
  CHECK(marks.engine() == EventTime{250});
  CHECK(marks.source(never).tracker.watermark() == EventTime{250});
  // Where nobody holds time it follows the one that is furthest.
  marks.idle(a);
  marks.idle(b);
  marks.idle(never);
  marks.heartbeat(std::nullopt, {400});
  CHECK(marks.engine() == EventTime{400});
  // What has ended has no heart.
  marks.end(a);
  marks.end(b);
  marks.end(never);
  marks.heartbeat(std::nullopt, {900});
  CHECK(marks.engine() == EventTime{400});
}

TEST_CASE("watermarks: the ends of time and of clocks do not overflow") {
  Watermarks marks;
  const std::size_t a = marks.open(Duration{cep::kEventTimeMax.us});
  marks.observe(a, cep::kEventTimeMax, {INT64_MIN});
  marks.heartbeat(std::nullopt, {INT64_MAX});
  marks.heartbeat(a, {INT64_MIN});
  CHECK(marks.engine() == EventTime{0});
  marks.move_to(cep::kEventTimeMax);
  CHECK(marks.engine() == cep::kEventTimeMax);
}

TEST_CASE("watermarks: another bound takes hold at once, and moves nothing back") {
  Watermarks marks;
  const std::size_t a = marks.open(Duration{50});
  marks.observe(a, {100}, {0});
  marks.change_bound(a, Duration{80});
  CHECK(marks.engine() == EventTime{50});
  marks.change_bound(a, Duration{20});
  CHECK(marks.engine() == EventTime{80});
}
}  // namespace tocsin::runtime

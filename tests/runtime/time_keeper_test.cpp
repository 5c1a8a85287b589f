#include "runtime/event_time/time_keeper.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/support/printing.h"
#include "tests/support/simulated_files.h"

namespace tocsin::runtime {
namespace {
using cep::Duration;
constexpr std::int64_t kSecond = 1'000'000;

// A clock that stands still, and what the keeper says of it, as text: "idle a @5" (seconds since
// the beginning).
struct World {
  explicit World(SilenceOptions options) : keeper(clock, options) {}
  void pass(std::int64_t seconds) { clock.time.us += seconds * kSecond; }
  std::string due() {
    std::string text;
    for (const Decision& decision : keeper.due()) add(text, decision);
    return text;
  }
  std::string arrived(std::size_t source) {
    std::string text;
    if (const auto decision = keeper.arrived(source)) add(text, *decision);
    return text;
  }
  // Seconds; -1 where nothing will be due.
  std::int64_t next_due() const {
    const std::optional<Duration> wait = keeper.next_due();
    return wait ? wait->us / kSecond : -1;
  }
  void add(std::string& text, const Decision& decision) const {
    const char* const names[] = {"", "idle", "awake", "heartbeat", "ended"};
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {} @{}", names[static_cast<int>(decision.kind)],
                        decision.source.empty() ? "all" : decision.source,
                        (decision.clock - begin).us / kSecond);
  }
  tests::SimulatedClock clock;
  cep::EventTime begin = clock.time;
  TimeKeeper keeper;
};
constexpr Duration seconds(std::int64_t count) { return {count * kSecond}; }
}  // namespace

TEST_CASE("time keeper: without options nothing is ever due") {
  World world({});
  world.keeper.found_empty(world.keeper.source("a"));
  world.pass(1'000'000);
  CHECK(world.due() == "");
  CHECK(world.next_due() == -1);
}

TEST_CASE("time keeper: silence has heartbeats, again and again, until lines come") {
  World world({seconds(2), std::nullopt});
  const std::size_t a = world.keeper.source("a");
  CHECK(world.next_due() == -1);  // not polled yet
  world.keeper.found_empty(a);
  CHECK(world.next_due() == 2);
  world.pass(1);
  CHECK(world.due() == "");
  CHECK(world.next_due() == 1);
  world.pass(1);
  CHECK(world.due() == "heartbeat all @2");
  CHECK(world.due() == "");
  world.pass(5);
  CHECK(world.due() == "heartbeat all @7");
  CHECK(world.next_due() == 2);
  CHECK(world.arrived(a) == "");
  world.pass(10);
  CHECK(world.due() == "");
  world.keeper.found_empty(a);
  world.pass(2);
  CHECK(world.due() == "heartbeat all @19");
}

TEST_CASE("time keeper: one silent source among others is named, and idle after a while") {
  World world({seconds(2), seconds(5)});
  const std::size_t a = world.keeper.source("a");
  const std::size_t b = world.keeper.source("b");
  CHECK(world.keeper.source("a") == a);
  CHECK(world.arrived(b) == "");
  world.keeper.found_empty(a);
  world.pass(2);
  CHECK(world.due() == "heartbeat a @2");
  world.pass(3);
  CHECK(world.due() == "idle a @5");
  // It no longer holds time, so that its silence moves none.
  world.pass(4);
  CHECK(world.due() == "");
  CHECK(world.next_due() == -1);
  world.keeper.found_empty(b);
  world.pass(2);
  CHECK(world.due() == "heartbeat all @11");
  CHECK(world.next_due() == 2);
  CHECK(world.arrived(a) == "awake a @11");
  CHECK(world.arrived(a) == "");
  world.pass(3);
  CHECK(world.due() == "idle b @14");
  CHECK(world.arrived(b) == "awake b @14");
}

TEST_CASE("time keeper: time in which a source is not read, or has lines, is no silence") {
  World world({std::nullopt, seconds(5)});
  const std::size_t a = world.keeper.source("a");
  world.keeper.found_empty(a);
  world.pass(4);
  world.keeper.paused(a);
  world.pass(100);
  CHECK(world.due() == "");
  world.keeper.found_empty(a);
  CHECK(world.due() == "");
  world.pass(1);
  CHECK(world.due() == "idle a @105");
}

TEST_CASE("time keeper: what has ended is silent for nobody, and may come again") {
  World world({seconds(2), seconds(5)});
  const std::size_t a = world.keeper.source("a");
  const std::size_t b = world.keeper.source("b");
  world.keeper.ended(a);
  world.keeper.found_empty(a);
  world.keeper.found_empty(b);
  world.pass(2);
  CHECK(world.due() == "heartbeat all @2");
  world.keeper.ended(b);
  world.pass(100);
  CHECK(world.due() == "");
  CHECK(world.next_due() == -1);
  CHECK(world.arrived(a) == "");
  world.keeper.found_empty(a);
  world.pass(5);
  CHECK(world.due() == "idle a @107, heartbeat all @107");
}

TEST_CASE("time keeper: a clock that jumps makes no hours of silence") {
  World world({seconds(2), seconds(30)});
  const std::size_t a = world.keeper.source("a");
  world.keeper.found_empty(a);
  world.pass(3600);
  CHECK(world.due() == "heartbeat all @12");
  world.pass(-7200);
  CHECK(world.due() == "");
  world.pass(2);
  CHECK(world.due() == "heartbeat all @14");
  // Lines tell the time anew.
  CHECK(world.arrived(a) == "");
  world.keeper.found_empty(a);
  world.pass(2);
  CHECK(world.due() == "heartbeat all @-3596");
}
}  // namespace tocsin::runtime

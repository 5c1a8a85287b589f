#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "runtime/event_time/intake.h"
#include "tests/runtime/event_plan.h"
#include "tests/support/printing.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
using cep::Duration;
using cep::EventTime;
constexpr std::int64_t kDay = 86'400'000'000;
constexpr std::int64_t kMinute = 60'000'000;
constexpr std::int64_t kYear = 365 * kDay;

// An intake of one source with a jump_max of a day, which may be saved and taken up anywhere.
struct World {
  explicit World(Duration bound = {}, std::optional<Duration> jump_max = Duration{kDay}) {
    options.policy.bound = bound;
    options.jump_max = jump_max;
    options.is_saved = true;
    open();
  }
  void open() {
    summary = {};
    intake = std::make_unique<Intake>(
        UsedEvents{plan, fields, types}, options,
        IntakeSinks{[this](const LateEvent& event) { late.push_back(event); },
                    [this](const DeadLetter& letter) {
                      dead.push_back(letter.reason);
                      dead_lines.push_back(letter.line);
                    }},
        summary, [this](cep::Batch& slice, EventTime watermark) -> Result<void> {
          for (const cep::Row& row : slice.rows) {
            REQUIRE(row.engine_time <= watermark);
            given.push_back(row.ts.us);
          }
          return {};
        });
  }
  void restart() {
    std::string bytes;
    intake->save(bytes);
    open();
    REQUIRE(intake->restore(bytes));
  }
  void take(std::int64_t ts, std::int64_t clock = 0, const std::string& source = "in") {
    const std::string line = fmt::format(R"({{"type":"login","ts":{},"user":"u"}})", ts);
    const std::string padded = line + std::string(kLinePadding, '\n');
    ++lines;
    REQUIRE(intake->take(intake->source(source),
                         {std::string_view(padded).substr(0, line.size()), lines}, {lines, 0},
                         {clock}));
    REQUIRE(intake->flush());
  }
  void decide(DecisionKind kind, std::int64_t clock = 0, const std::string& source = "in") {
    intake->decide({kind, {clock}, source});
    REQUIRE(intake->flush());
  }
  void finish() { REQUIRE(intake->finish(true, std::nullopt)); }

  cep::Plan plan = tests::event_plan();
  std::vector<std::vector<bool>> fields = tests::all_fields(plan);
  std::vector<bool> types = tests::all_types(plan);
  IntakeOptions options;
  RunSummary summary;
  std::vector<std::int64_t> given;
  std::vector<LateEvent> late;
  std::vector<std::string> dead;
  std::vector<std::uint64_t> dead_lines;
  std::uint64_t lines = 0;
  std::unique_ptr<Intake> intake;
};
using Times = std::vector<std::int64_t>;
}  // namespace

TEST_CASE("jumps: one wrong clock sets nothing aside") {
  World world;
  for (std::int64_t i = 0; i < 10; ++i) {
    if (i == 4) world.take(kYear);
    world.take(i * kMinute);
  }
  CHECK(world.late.empty());
  CHECK(world.given.size() == 10);
  REQUIRE(world.dead.size() == 1);
  CHECK(world.dead_lines == std::vector<std::uint64_t>{5});
  CHECK(world.dead[0].starts_with("event time is more than 1d ahead of the events before it"));
  CHECK(world.summary.jumps == 1);
  CHECK(world.summary.jumps_rejected == 1);
  world.finish();
  CHECK(world.given.back() == 9 * kMinute);
}

TEST_CASE("jumps: a weekend is confirmed by the next event") {
  World world;
  world.take(0);
  world.take(3 * kDay);
  CHECK(world.given == Times{0});
  CHECK(world.intake->status(0).held == 1);
  world.take(3 * kDay + kMinute);
  CHECK(world.given == Times{0, 3 * kDay, 3 * kDay + kMinute});
  CHECK(world.dead.empty());
}

TEST_CASE("jumps: the first event, and what is at most a day ahead, are not held") {
  World world;
  world.take(kYear);
  world.take(kYear + kDay);
  CHECK(world.given.size() == 2);
  CHECK(world.summary.jumps == 0);
  World none(Duration{}, std::nullopt);
  none.take(0);
  none.take(kYear);
  CHECK(none.given.size() == 2);
}

TEST_CASE("jumps: a device with a wrong clock, every second or third event, never moves time") {
  for (const std::int64_t every : {2, 3, 4, 7}) {
    World world;
    std::size_t good = 0;
    for (std::int64_t i = 0; i < 100; ++i) {
      const bool is_wrong = i % every == every - 1;
      world.take(i * kMinute + (is_wrong ? kYear : 0));
      if (!is_wrong) ++good;
      if (i % 10 == 0) world.restart();
    }
    CHECK(world.late.empty());
    CHECK(world.given.size() == good);
    CHECK(std::ranges::max(world.given) < kDay);
    CHECK(world.dead.size() + world.intake->status(0).held == 100 - good);
  }
}

TEST_CASE("jumps: two wrong clocks in one stream are both rejected") {
  World world;
  world.take(0);
  world.take(3 * kYear);
  world.take(kYear);
  for (std::int64_t i = 1; i <= 3; ++i) world.take(i * kMinute);
  CHECK(world.dead_lines == std::vector<std::uint64_t>{2, 3});
  CHECK(world.given == Times{0, kMinute, 2 * kMinute, 3 * kMinute});
}

TEST_CASE("jumps: what is held when the source ends is taken, in the order of time") {
  World world;
  world.take(0);
  world.take(3 * kYear);
  world.take(kYear);
  world.restart();
  world.decide(DecisionKind::kEnded);
  CHECK(world.given == Times{0, kYear, 3 * kYear});
  CHECK(world.late.empty());
  World other;
  other.take(0);
  other.take(kYear);
  other.finish();
  CHECK(other.given == Times{0, kYear});
}

TEST_CASE("jumps: a clock that comes to what is held takes it, on time, before the heartbeat") {
  for (const DecisionKind kind : {DecisionKind::kHeartbeat, DecisionKind::kIdle}) {
    World world;
    world.take(0, kMinute);
    world.take(3 * kDay, 3 * kDay + 5);
    world.restart();
    world.decide(kind, 3 * kDay + 1'000'000);
    CHECK(world.given == Times{0, 3 * kDay});
    CHECK(world.late.empty());
    World wrong;
    wrong.take(0, kMinute);
    wrong.take(kYear, kMinute + 5);
    wrong.decide(kind, 2 * kMinute);
    CHECK(wrong.given == Times{0});
    CHECK(wrong.intake->status(0).held == 1);
  }
}

TEST_CASE("jumps: an idle source's is taken when the others come to its time") {
  World world;
  world.take(0);
  world.take(0, 0, "other");
  world.take(3 * kDay);
  world.decide(DecisionKind::kIdle, 1);
  world.restart();
  for (std::int64_t day = 1; day <= 4; ++day) world.take(day * kDay, 0, "other");
  CHECK(world.late.empty());
  CHECK(world.given == Times{0, 0, kDay, 2 * kDay, 3 * kDay, 3 * kDay, 4 * kDay});
}

TEST_CASE("jumps: what a first source held waits for one that came after its last line") {
  for (const DecisionKind kind :
       {DecisionKind::kHeartbeat, DecisionKind::kIdle, DecisionKind::kEnded}) {
    World world;
    world.take(0, kMinute);
    world.take(3 * kDay, 3 * kDay + 5);
    world.decide(DecisionKind::kAwake, 0, "other");
    world.decide(kind, 3 * kDay + 1'000'000);
    CHECK(world.given == Times{0});
    world.take(kDay, 0, "other");
    world.finish();
    CHECK(world.given == Times{0, kDay, 3 * kDay});
    CHECK(world.late.empty());
  }
}

TEST_CASE("jumps: rows of one time come in the order of arrival, also when one was held") {
  World world(Duration{5 * kMinute});
  std::vector<std::uint64_t> records;
  world.take(0);
  world.take(0, 0, "other");
  world.take(3 * kDay);  // arrives before …
  world.take(kDay, 0, "other");
  world.take(2 * kDay, 0, "other");
  world.take(3 * kDay, 0, "other");  // … this one, and is taken after it
  world.take(3 * kDay + kMinute);
  world.restart();
  world.finish();
  CHECK(std::ranges::is_sorted(world.given));
  CHECK(world.given.size() == 7);
}

TEST_CASE("jumps: sources that clamp are exempt, and one that begins to clamp holds nothing") {
  World world;
  world.take(0);
  world.take(kYear);
  CHECK(world.given == Times{0});
  world.intake->source("in", {Duration{}, LatePolicy::kClamp, {}});
  REQUIRE(world.intake->flush());
  CHECK(world.given == Times{0, kYear});
  world.take(3 * kYear);
  CHECK(world.given.size() == 3);
}

TEST_CASE("jumps: who goes on without the limit takes what was held under it") {
  World world;
  world.take(0);
  world.take(kYear);
  std::string bytes;
  world.intake->save(bytes);
  World none(Duration{}, std::nullopt);
  REQUIRE(none.intake->restore(bytes));
  none.take(kYear + 1);
  CHECK(none.given == Times{kYear, kYear + 1});
}

TEST_CASE("jumps: what an idle source held is given on time, also without the limit") {
  World world;
  world.take(0);
  world.take(kYear);
  world.decide(DecisionKind::kIdle, 1);
  world.decide(DecisionKind::kIdle, kYear);  // it is already
  CHECK(world.given == Times{0});
  std::string bytes;
  world.intake->save(bytes);
  World none(Duration{}, std::nullopt);
  REQUIRE(none.intake->restore(bytes));
  REQUIRE(none.intake->flush());
  CHECK(none.given == Times{kYear});
  CHECK(none.intake->status(0).state == SourceState::kIdle);
  CHECK(none.intake->watermark() == EventTime{kYear});

  world.intake->source("in", {Duration{}, LatePolicy::kClamp, {}});
  REQUIRE(world.intake->flush());
  CHECK(world.given == Times{0, kYear});
  CHECK(world.intake->watermark() == EventTime{kYear});
}

TEST_CASE("jumps: a late event names the line that moved time") {
  World world;
  world.take(0);
  world.take(10 * kMinute);
  world.restart();
  world.take(kMinute);
  REQUIRE(world.late.size() == 1);
  CHECK(world.late[0].moved_by == 2);
  CHECK(world.late[0].moved_to == EventTime{10 * kMinute});
  world.decide(DecisionKind::kHeartbeat, kDay);
  world.take(kMinute);
  REQUIRE(world.late.size() == 2);
  CHECK(world.late[1].moved_by == 0);
}

// Streams that are honest: any gaps, out of order by no more than the bound. Nothing is lost, each
// event is given no later than the event after it allows, and wherever it is restarted.
TEST_CASE("jumps: no honest gap loses an event or delays more than one") {
  std::size_t held = 0;
  const std::size_t cases = tests::for_all_seeds("runtime", 300, [&](tests::Random& random) {
    const std::int64_t bound = random.pick<std::int64_t>({0, kMinute, 2 * kDay});
    World with(Duration{bound});
    World without(Duration{bound}, std::nullopt);
    std::int64_t now = 0;
    Times before;  // given by the one that holds nothing, up to the event before
    for (int i = 0; i < 60; ++i) {
      now += random.weighted({6, 1, 1}) == 0 ? random.between(0, kMinute)
                                             : random.between(kDay / 2, 40 * kDay);
      const std::int64_t ts = now - (random.chance(50) ? random.between(0, bound) : 0);
      with.take(ts);
      without.take(ts);
      if (random.chance(20)) with.restart();
      CAPTURE(i);
      REQUIRE(with.given.size() >= before.size());
      REQUIRE(with.intake->status(0).held <= 1);
      before = without.given;
      REQUIRE(with.dead.empty());
      REQUIRE(with.late.empty());
    }
    REQUIRE(without.late.empty());
    held += with.summary.jumps;
    with.finish();
    without.finish();
    REQUIRE(with.given == without.given);
  });
  if (cases >= 300) CHECK(held > 500);
}

// One event in a stream is wrong, anywhere, by any amount beyond the limit: it alone is lost.
TEST_CASE("jumps: one wrong clock anywhere costs itself alone") {
  tests::for_all_seeds("runtime", 300, [&](tests::Random& random) {
    const std::int64_t bound = random.pick<std::int64_t>({0, kMinute});
    World world(Duration{bound});
    const std::size_t wrong = 1 + random.below(40);
    Times good;
    std::int64_t now = 0;
    for (std::size_t i = 0; i < 50; ++i) {
      now += random.between(0, kMinute);
      const std::int64_t ts = now - random.between(0, bound);
      if (i == wrong) world.take(now + kDay + kMinute * 60 + random.between(0, 20 * kYear));
      world.take(ts);
      good.push_back(ts);
      if (random.chance(20)) world.restart();
    }
    REQUIRE(world.dead.size() == 1);
    REQUIRE(world.late.empty());
    world.finish();
    std::ranges::sort(good);
    REQUIRE(world.given == good);
  });
}
}  // namespace tocsin::runtime

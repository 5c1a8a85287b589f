#include "runtime/event_time/intake.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/runtime/event_plan.h"
#include "tests/runtime/intake_script.h"
#include "tests/runtime/naive_time.h"
#include "tests/support/printing.h"

namespace tocsin::runtime {
namespace {
using cep::Duration;
using cep::EventTime;
using tests::NaiveTime;
using tests::Script;

// What is said of single lines is what is said of all, and of nothing that became a row.
void check_judged(const tests::ScriptRun& run) {
  const auto arrival_of = [](const JudgedLine& line) {
    return fmt::format("{}.{} ", line.arrival.record, line.arrival.index);
  };
  std::map<LineFate, std::uint64_t> counts;
  std::vector<std::string> late, dead;
  std::set<std::string> gone;  // told when it is foreseen, and when its turn comes
  for (const JudgedLine& line : run.judged()) {
    ++counts[line.fate];
    if (line.fate == LineFate::kLate) {
      late.push_back(fmt::format("{}by {}", arrival_of(line), line.late_by.us));
    }
    if (line.fate == LineFate::kDead) dead.push_back(arrival_of(line) + line.reason);
    if (line.fate == LineFate::kRepeated) gone.insert('/' + arrival_of(line));
    if (line.fate == LineFate::kClamped) REQUIRE(line.late_by.us > 0);
  }
  REQUIRE(counts[LineFate::kClamped] == run.summary().clamped);
  REQUIRE(gone.size() >= run.summary().repeats);
  REQUIRE(counts[LineFate::kIgnored] == run.summary().ignored);
  REQUIRE(late.size() == run.outcome().late.size());
  for (std::size_t i = 0; i < late.size(); ++i) {
    const std::string& said = run.outcome().late[i];
    REQUIRE(said.find(' ' + late[i].substr(0, late[i].find("by"))) != std::string::npos);
    REQUIRE(said.ends_with(late[i].substr(late[i].find("by"))));
  }
  REQUIRE(dead.size() == run.outcome().dead.size());
  for (std::size_t i = 0; i < dead.size(); ++i) REQUIRE(run.outcome().dead[i].ends_with(dead[i]));
  if (run.summary().ids_forgotten != 0) return;  // then what was foreseen may be taken
  REQUIRE(gone.size() == run.summary().repeats);
  for (const std::string& arrival : gone) {
    for (const std::string& row : run.outcome().rows) {
      REQUIRE(row.find(arrival) == std::string::npos);
    }
  }
}

// One intake of event_plan() for small cases.
struct Small {
  explicit Small(IntakeOptions options = {})
      : intake({plan, fields, types}, options,
               {[this](const LateEvent& event) { late.push_back(event.ts.us); },
                [this](const DeadLetter& letter) { dead.push_back(letter.reason); }},
               summary, [this](cep::Batch& slice, EventTime) -> Result<void> {
                 for (const cep::Row& row : slice.rows) given.push_back(row.engine_time.us);
                 return {};
               }) {}
  void take(const std::string& source, std::int64_t ts, std::int64_t clock = 0) {
    const std::string line = fmt::format(R"({{"type":"login","ts":{},"user":"u"}})", ts);
    const std::string padded = line + std::string(kLinePadding, '\n');
    REQUIRE(intake.take(intake.source(source), {std::string_view(padded).substr(0, line.size()), 1},
                        {++arrivals, 0}, {clock}));
  }
  cep::Plan plan = tests::event_plan();
  std::vector<std::vector<bool>> fields = tests::all_fields(plan);
  std::vector<bool> types = tests::all_types(plan);
  RunSummary summary;
  std::vector<std::int64_t> given, late;
  std::vector<std::string> dead;
  std::uint64_t arrivals = 0;
  Intake intake;
};
}  // namespace

TEST_CASE("intake: what is late, each engine time and every watermark are as defined") {
  std::size_t late = 0;
  std::size_t dead = 0;
  std::size_t clamped = 0;
  std::size_t repeats = 0;
  std::size_t jumps = 0;
  std::size_t jumps_rejected = 0;
  const std::size_t cases = tests::for_all_seeds("runtime", 1'500, [&](tests::Random& random) {
    const Script script = tests::random_script(random, 20 + random.below(100));
    const cep::Plan plan = tests::script_plan(script);
    tests::ScriptRun run(script, plan);
    NaiveTime naive(script);
    for (std::size_t i = 0; i < script.steps.size(); ++i) {
      run.take(i);
      naive.take(i);
      REQUIRE(run.intake().watermark() == naive.watermark());
    }
    run.finish();
    naive.finish();
    REQUIRE(run.summary().jumps == naive.jumps);
    REQUIRE(run.summary().jumps_rejected == naive.jumps_rejected);
    REQUIRE(run.outcome().late == naive.late);
    REQUIRE(run.outcome().dead == naive.dead);
    REQUIRE(run.outcome().rows == naive.rows());
    REQUIRE(run.summary().clamped == naive.clamped);
    REQUIRE(run.intake().waiting_events() == 0);
    check_judged(run);
    std::uint64_t by_source = 0;
    for (std::size_t i = 0; i < run.intake().source_count(); ++i) {
      by_source += run.intake().status(i).events;
    }
    REQUIRE(by_source == run.summary().events);
    late += naive.late.size();
    dead += naive.dead.size();
    clamped += naive.clamped;
    repeats += run.summary().repeats;
    jumps += naive.jumps;
    jumps_rejected += naive.jumps_rejected;
  });
  if (cases < 1'000) return;
  CHECK(jumps > 1'000);
  CHECK(jumps_rejected > 500);
  CHECK(late > 1'000);
  CHECK(dead > 1'000);
  CHECK(clamped > 1'000);
  CHECK(repeats > 1'000);
}

TEST_CASE("intake: lines set aside as late are taken when they come again") {
  IntakeOptions options;
  options.policy.late_max = Duration{5};
  options.policy.late = LatePolicy::kClamp;
  Small small(options);
  small.take("in", 100);
  small.take("in", 90);
  small.take("in", 96);
  CHECK(small.late == std::vector<std::int64_t>{90});
  const std::size_t late = small.intake.source("late", {Duration{0}, LatePolicy::kClamp, {}});
  small.take("late", 90);
  small.intake.decide(DecisionKind::kEnded, late, {});
  // What came again holds back nobody.
  small.take("in", 110);
  REQUIRE(small.intake.flush());
  CHECK(small.given == std::vector<std::int64_t>{100, 100, 100, 110});
  CHECK(small.intake.watermark() == EventTime{110});
  // The same way once more.
  CHECK(small.intake.source("late") == late);
  small.take("late", 91);
  small.intake.decide(DecisionKind::kEnded, late, {});
  REQUIRE(small.intake.flush());
  CHECK(small.given.back() == 110);
}

TEST_CASE(
    "intake: who is far ahead, and who is not holding time while memory is short, is paused") {
  IntakeOptions options;
  options.drift_max = Duration{1'000};
  options.policy.bound = Duration{100'000};
  options.waiting_bytes_max = 400'000;
  options.slice_rows_max = 64;
  Small small(options);
  const std::size_t a = small.intake.source("a");
  const std::size_t b = small.intake.source("b");
  CHECK(small.intake.may_read(a));
  CHECK(small.intake.may_read(b));
  small.take("a", 200'000);
  CHECK_FALSE(small.intake.may_read(a));  // nothing is known of b
  CHECK(small.intake.may_read(b));
  small.take("b", 199'500);
  CHECK(small.intake.holder() == b);
  CHECK(small.intake.may_read(a));
  small.take("a", 200'501);
  CHECK_FALSE(small.intake.may_read(a));
  small.intake.decide(DecisionKind::kIdle, b, {});
  CHECK(small.intake.holder() == a);
  CHECK(small.intake.may_read(a));
  small.intake.decide(DecisionKind::kAwake, b, {});
  small.take("a", 200'600);
  CHECK(small.intake.may_read(a));

  std::int64_t at = 200'600;
  while (small.intake.waiting_bytes() <= options.waiting_bytes_max / 2) small.take("a", at);
  CHECK_FALSE(small.intake.may_read(a));
  CHECK(small.intake.may_read(b));
  const std::size_t waiting = small.intake.waiting_events();
  CHECK(waiting > 100);
  CHECK(small.intake.status(a).waiting == waiting - 1);
  // Beyond all of it nobody is read; who replays takes what comes.
  CHECK(small.intake.check_room());
  while (small.intake.waiting_bytes() <= options.waiting_bytes_max) small.take("a", at);
  const Result<void> room = small.intake.check_room();
  REQUIRE_FALSE(room);
  CHECK(room.error().code == Errc::kLimit);
  CHECK(room.error().message.find("--reorder-memory") != std::string::npos);
  REQUIRE(small.intake.flush());
  // Time moves, and memory is there again.
  small.take("b", 1'000'000);
  small.take("a", 1'000'000);
  REQUIRE(small.intake.flush());
  CHECK(small.intake.may_read(a));
  CHECK(small.given.size() > waiting);
  CHECK(small.intake.check_room());
}

TEST_CASE("intake: of one source with bound 0 nothing waits, also when others come later") {
  Small small;
  small.take("a", 5);
  small.take("a", 7);
  CHECK(small.intake.waiting_events() == 0);
  CHECK(small.intake.waiting_bytes() == 0);
  small.take("b", 6);
  CHECK(small.late == std::vector<std::int64_t>{6});
  small.take("b", 9);
  small.take("a", 8);
  REQUIRE(small.intake.flush());
  CHECK(small.given == std::vector<std::int64_t>{5, 7, 8});
  CHECK(small.intake.status(0).events == 3);
  CHECK(small.intake.status(1).events == 1);  // and one that was late
  CHECK(small.intake.waiting_events() == 1);
  // An end by one source frees what waited for it.
  small.intake.decide({DecisionKind::kEnded, {}, "a"});
  REQUIRE(small.intake.flush());
  CHECK(small.given.back() == 9);
  // Unknown sources change nothing, but by being awake.
  small.intake.decide({DecisionKind::kEnded, {}, "nobody"});
  small.intake.decide({DecisionKind::kIdle, {}, "nobody"});
  small.intake.decide({DecisionKind::kHeartbeat, {}, "nobody"});
  CHECK(small.intake.source_count() == 2);
  small.intake.decide({DecisionKind::kAwake, {}, "somebody"});
  CHECK(small.intake.find("somebody") == 2);
  CHECK(small.intake.watermark_of(2) == EventTime{9});
  CHECK(small.intake.status(2).name == "somebody");
}
}  // namespace tocsin::runtime

// What the slice loop does while an input has nothing to say.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "cep/data/batch.h"
#include "runtime/event_time/slice_loop.h"
#include "tests/runtime/event_plan.h"
#include "tests/runtime/loop_run.h"
#include "tests/support/printing.h"

namespace tocsin::runtime {
namespace {
using cep::Duration;
using cep::EventTime;
using tests::in_memory;
using tests::lines;
using tests::login;
using tests::LoopOutcome;

// An input at second 100 that has nothing more to say until the run has stood still for a while,
// beside one that has an event each second from 101 on.
struct BesideSilence {
  std::uint64_t read_in_silence = 0;  // lines, of both
  LoopOutcome outcome;
};
BesideSilence run_beside_silence(RunOptions options, std::int64_t seconds,
                                 const std::string& user) {
  constexpr std::int64_t kSecond = 1'000'000;
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), 0) == 0);
  const auto say = [&](const std::string& line) {
    REQUIRE(::write(ends[1], line.data(), line.size()) == static_cast<ssize_t>(line.size()));
  };
  say(login(100 * kSecond, "slow") + "\n");
  std::vector<std::string> fast;
  for (std::int64_t i = 1; i <= seconds; ++i) fast.push_back(login((100 + i) * kSecond, user));
  BesideSilence run;
  const cep::Plan plan = tests::event_plan();
  RunSummary& summary = run.outcome.summary;
  const Advance advance = [&](const cep::Batch& slice, EventTime) -> Result<void> {
    for (const cep::Row& row : slice.rows) {
      run.outcome.rows.push_back(fmt::format(
          "{} {}", row.engine_time.us,
          cep::to_text(slice.value(plan, row, tests::field_index(plan, "login", "user")))));
    }
    return {};
  };
  // Asked again and again while nothing comes.
  int looks_without_lines = 0;
  bool is_silent = true;
  options.stop_requested = [&] {
    looks_without_lines = summary.lines == run.read_in_silence ? looks_without_lines + 1 : 0;
    if (is_silent) run.read_in_silence = summary.lines;
    if (looks_without_lines < 5 || !is_silent) return false;
    is_silent = false;
    say(login((100 + seconds) * kSecond + 1, "slow") + "\n");
    ::close(ends[1]);
    return false;
  };
  const Result<void> done = read_slices(
      plan, tests::all_fields(plan), tests::all_types(plan),
      {{fmt::format("/dev/fd/{}", ends[0]), std::nullopt}, in_memory("fast", lines(fast))}, options,
      {}, summary, advance);
  if (is_silent) ::close(ends[1]);
  ::close(ends[0]);
  if (!done) run.outcome.error = done.error().message;
  return run;
}
}  // namespace

TEST_CASE("slices: a fast input is read ahead of a silent one up to the drift, and then waits") {
  RunOptions options;
  options.final_watermark = false;
  options.slice_rows_max = 64;
  options.idle_after = Duration{3'600'000'000};  // far beyond the test
  const BesideSilence in_turn = run_beside_silence(options, 2'000, "x");
  CHECK(in_turn.outcome.error.empty());
  // Each has its first line read, and the fast one is ahead from then on.
  CHECK(in_turn.read_in_silence == 2);
  CHECK(in_turn.outcome.rows.size() == 2'002);
  for (const bool decides : {true, false}) {
    if (!decides) options.idle_after.reset();
    options.drift_max = Duration{60'000'000};
    const BesideSilence near = run_beside_silence(options, 2'000, "x");
    CHECK(near.outcome.error.empty());
    // The line that took it beyond the drift, at second 161, is the last.
    CHECK(near.read_in_silence == 1 + 61);
    CHECK(near.outcome.rows == in_turn.outcome.rows);
    options.drift_max = Duration{3'600'000'000};
    const BesideSilence far = run_beside_silence(options, 2'000, "x");
    CHECK(far.read_in_silence == 1 + 2'000);
    CHECK(far.outcome.rows == in_turn.outcome.rows);
  }
}

TEST_CASE("slices: reading ahead takes half of the memory for waiting events, and does not end") {
  RunOptions options;
  options.final_watermark = false;
  options.slice_rows_max = 64;
  options.drift_max = Duration{1'000'000'000'000};
  const std::string user(1'000, 'x');
  const BesideSilence all = run_beside_silence(options, 4'000, user);
  CHECK(all.read_in_silence == 1 + 4'000);
  // Those 4,000 events take more than this.
  options.reorder_bytes_max = 2'000'000;
  const BesideSilence some = run_beside_silence(options, 4'000, user);
  CHECK(some.outcome.error.empty());
  CHECK(some.read_in_silence > 100);
  CHECK(some.read_in_silence < 2'000);
  CHECK(some.outcome.rows == all.outcome.rows);
}

TEST_CASE("slices: what is read from a pipe is given before the reader waits for more") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), 0) == 0);
  const std::string first = login(5, "x") + "\n";
  const std::string second = login(6, "x") + "\n";
  REQUIRE(::write(ends[1], first.data(), first.size()) == static_cast<ssize_t>(first.size()));
  const cep::Plan plan = tests::event_plan();
  RunSummary summary;
  std::vector<std::size_t> slices;
  const Advance advance = [&](const cep::Batch& slice, EventTime) -> Result<void> {
    slices.push_back(slice.rows.size());
    // The second event comes only because the first was given.
    if (slices.size() == 1) {
      REQUIRE(::write(ends[1], second.data(), second.size()) ==
              static_cast<ssize_t>(second.size()));
    } else if (slices.size() == 2) {
      ::close(ends[1]);
    }
    return {};
  };
  std::size_t progress = 0;
  Sinks sinks;
  sinks.progress = [&](const Progress& now) {
    ++progress;
    CHECK(now.bytes_total == 0);
  };
  const Result<void> done = read_slices(plan, tests::all_fields(plan), tests::all_types(plan),
                                        {{fmt::format("/dev/fd/{}", ends[0]), std::nullopt}}, {},
                                        sinks, summary, advance);
  ::close(ends[0]);
  CHECK(done.has_value());
  CHECK(slices == std::vector<std::size_t>{1, 1, 0});
  CHECK(summary.events == 2);
  CHECK(progress >= 2);
}
}  // namespace tocsin::runtime

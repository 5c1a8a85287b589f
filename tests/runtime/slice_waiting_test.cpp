// What the slice loop does while an input has nothing to say.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
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

namespace {
// Takes slices as a thread does that works on them later: their contents are looked at when the
// next one comes or when somebody settles.
class LaterSlices {
 public:
  explicit LaterSlices(const cep::Plan& plan) : plan_(plan), slice_(plan) {}

  Advance advance() {
    return [this](cep::Batch& slice, EventTime) -> Result<void> {
      if (fails_at_ == ++calls_) throw std::runtime_error("no memory");
      settle();
      slice_.clear();
      std::swap(slice_, slice);
      is_under_way_ = true;
      return {};
    };
  }
  Settle settling() {
    return [this]() -> Result<void> {
      settle();
      return {};
    };
  }
  void throw_at(int call) { fails_at_ = call; }

  std::vector<std::string> users;
  std::function<void()> seen;  // called when a slice was looked at

 private:
  void settle() {
    if (!std::exchange(is_under_way_, false)) return;
    for (const cep::Row& row : slice_.rows) {
      users.push_back(
          cep::to_text(slice_.value(plan_, row, tests::field_index(plan_, "login", "user"))));
    }
    if (seen && !slice_.rows.empty()) seen();
  }

  const cep::Plan& plan_;
  cep::Batch slice_;
  bool is_under_way_ = false;
  int calls_ = 0;
  int fails_at_ = 0;
};
}  // namespace

TEST_CASE("slices: what is under way is settled before the reader waits for more, and at the end") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), 0) == 0);
  const auto say = [&](const std::string& line) {
    REQUIRE(::write(ends[1], line.data(), line.size()) == static_cast<ssize_t>(line.size()));
  };
  say(login(5, "x") + "\n");
  const cep::Plan plan = tests::event_plan();
  LaterSlices later(plan);
  // The second event comes only because the first was looked at.
  later.seen = [&] {
    if (later.users.size() == 1) say(login(6, "y") + "\n");
    if (later.users.size() == 2) ::close(ends[1]);
  };
  RunSummary summary;
  const Result<void> done = read_slices(plan, tests::all_fields(plan), tests::all_types(plan),
                                        {{fmt::format("/dev/fd/{}", ends[0]), std::nullopt}}, {},
                                        {}, summary, later.advance(), later.settling());
  ::close(ends[0]);
  CHECK(done.has_value());
  CHECK(later.users == std::vector<std::string>{"x", "y"});
}

TEST_CASE("slices: what is under way is settled before what it borrows from is destroyed") {
  const cep::Plan plan = tests::event_plan();
  for (const bool waits : {false, true}) {
    CAPTURE(waits);
    RunOptions options;
    options.slice_rows_max = 1;
    options.final_watermark = false;
    if (waits) options.out_of_orderness = Duration{1};
    std::vector<std::string> all;
    std::vector<std::string> users;
    for (std::int64_t i = 0; i < 5; ++i) {
      // Long enough to lie outside of a string object.
      const std::string user(100, static_cast<char>('a' + i));
      all.push_back(login(10 * i, user));
      users.push_back(user);
    }
    const auto read = [&](LaterSlices& later) {
      RunSummary summary;
      return read_slices(plan, tests::all_fields(plan), tests::all_types(plan),
                         {in_memory("a", lines(all))}, options, {}, summary, later.advance(),
                         later.settling());
    };
    LaterSlices whole(plan);
    REQUIRE(read(whole).has_value());
    CHECK(whole.users == users);
    LaterSlices broken(plan);
    broken.throw_at(4);
    CHECK_THROWS_AS(static_cast<void>(read(broken)), std::runtime_error);
    // Those of the slices before it; the first may have moved time alone.
    const std::size_t slices = waits ? 2 : 3;
    REQUIRE(broken.users.size() == slices);
    CHECK(std::ranges::equal(broken.users, std::span(users).first(slices)));
  }
}
}  // namespace tocsin::runtime

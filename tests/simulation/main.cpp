// Whole nodes in simulated worlds, each from one seed: `simulation [--seeds N] [--seed S]`. A seed
// that fails prints itself, and replays exactly with --seed S --seeds 1; --verbose then prints
// every step. Over many seeds, every
// interesting thing in the list below must have come about. Last line: N passed, N failed.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <vector>

#include "tests/simulation/story.h"

namespace tocsin::simulation {
namespace {
// What a campaign of at least kSeedsForAll seeds must have seen, or it tests less than it seems to.
constexpr std::uint64_t kSeedsForAll = 200;
constexpr std::array kMustBeReached = {
    "a crash in a file operation",
    "a crash in a write to the store",
    "a crash while a checkpoint is taken",
    "a crash while it recovers",
    "a failed file operation",
    "a failed sync",
    "a failed write to the store",
    "a call is short or interrupted",
    "a full disk",
    "a disk with space again",
    "the process is killed, the machine goes on",
    "the power is cut",
    "a torn end is cut",
    "records are replayed",
    "alerts come again in a replay",
    "a checkpoint is loaded",
    "a checkpoint holds waiting events",
    "a damaged file is refused by name",
    "a damaged file is found by verify",
    "an older checkpoint is taken, and the damaged one named",
    "the journal lets go of records",
    "several segments",
    "arrivals by position",
    "a file has grown since it was read to its end",
    "a file ends within a line",
    "a start is over before it reads its files",
    "a source is idle",
    "a heartbeat moves time",
    "the clock jumps back",
    "the clock jumps ahead",
    "a file is read ahead of one that pauses",
    "late events are set aside",
    "late events are clamped",
    "dead letters",
    "a savepoint is made",
    "a fork from a savepoint",
    "a delivery is repeated after a crash",
    "alerts of several lives",
    "other rules",
    "state was carried over before rules change",
    "other rules after a crash",
    "topics are read",
    "offsets without messages",
    "a message without a value",
    "a partition is idle",
    "a partition waits for others",
    "no broker answers a start",
    "messages are removed that were read",
    "missing messages are named",
    "a gap is accepted",
    "alerts are written to a topic",
    "late are written to a topic",
    "dead are written to a topic",
    "a batch is found in the topic's tail",
    "a transaction is ended",
    "a crash between a commit and its mark",
};

int run(std::uint64_t first, std::uint64_t count, bool verbose) {
  Reached reached;
  StoryFigures all;
  std::uint64_t worlds = 0;
  std::vector<std::uint64_t> failed;
  const auto started = std::chrono::steady_clock::now();
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    try {
      const StoryFigures story = play(seed, reached, verbose && count == 1);
      if (!story.happened) continue;
      ++worlds;
      all.simulated_us += story.simulated_us;
      all.lives += story.lives;
      all.events += story.events;
      all.alerts += story.alerts;
      if (verbose) {
        fmt::print("seed {}: {} lives, {} events, {} alerts\n", seed, story.lives, story.events,
                   story.alerts);
      }
    } catch (const std::exception& error) {
      failed.push_back(seed);
      fmt::print("seed {} fails: {}\n  replay: ./do sim --seed {} --seeds 1\n", seed, error.what(),
                 seed);
      std::fflush(stdout);
    }
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::uint64_t passed = count - failed.size();
  std::uint64_t failures = failed.size();
  for (const auto& [what, times] : reached) fmt::print("{:>9}  {}\n", times, what);
  if (count >= kSeedsForAll) {
    for (const char* const what : kMustBeReached) {
      if (reached.contains(what)) continue;
      fmt::print("never reached: {}\n", what);
      ++failures;
    }
  }
  fmt::print(
      "{} worlds, {} lives, {} events, {} alerts; {:.0f} s simulated in {:.1f} s: factor {:.0f}\n",
      worlds, all.lives, all.events, all.alerts, static_cast<double>(all.simulated_us) / 1e6,
      seconds, static_cast<double>(all.simulated_us) / 1e6 / std::max(seconds, 1e-3));
  fmt::print("{} passed, {} failed\n", passed, failures);
  return failures == 0 ? 0 : 1;
}
}  // namespace
}  // namespace tocsin::simulation

int main(int argc, char** argv) {
  std::uint64_t first = 1;
  std::uint64_t count = 200;
  bool verbose = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--seeds" && has_value) {
      count = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--seed" && has_value) {
      first = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--verbose") {
      verbose = true;
    } else {
      std::fprintf(stderr, "usage: simulation [--seeds N] [--seed S] [--verbose]\n");
      return 2;
    }
  }
  return tocsin::simulation::run(first, count, verbose);
}

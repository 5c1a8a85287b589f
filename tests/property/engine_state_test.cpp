// An engine that is stopped anywhere and goes on from its state as bytes gives the alerts of one
// that never stopped.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "cep/record/state_layout.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_merge.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_plan.h"
#include "tests/support/shrink.h"

namespace tocsin::tests {
namespace {
constexpr std::uint64_t kSeeds[] = {0x5eed, 0xfeedface};

// How a stream is cut, and how snapshots are written: parts of a case.
struct Way {
  Cut cut;
  cep::EventTime end = cep::kEventTimeMax;
  std::size_t chunk = 1;            // bytes after each step
  std::size_t positions_max = 100;  // of those, some are tried
  bool general = false;
  cep::Limits limits = kOutOfReach;
};

std::vector<std::string> lines_of(const cep::Plan& plan, const std::vector<cep::Alert>& alerts,
                                  std::size_t from) {
  const std::vector<cep::Alert> rest(alerts.begin() + static_cast<std::ptrdiff_t>(from),
                                     alerts.end());
  std::vector<std::string> lines = alert_lines(plan, rest);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const cep::OrderKey& order = rest[i].order;
    lines[i] += fmt::format(" at {}/{}/{}/{}/{}/{}", order.time.us, static_cast<int>(order.phase),
                            order.arrival.index, order.level, order.rule, order.ordinal);
  }
  return lines;
}

std::string map_difference(const EntryMap& a, const EntryMap& b) {
  for (const auto& [place, value] : a) {
    const auto other = b.find(place);
    if (other != b.end() && other->second == value) continue;
    return fmt::format(
        "table {} key {}: {} {}", std::get<0>(place), std::get<2>(place),
        other == b.end() ? "missing, not" : "differs:",
        fmt::format("{:02x}", fmt::join(value, " ")) +
            (other == b.end() ? std::string()
                              : "\n " + fmt::format("{:02x}", fmt::join(other->second, " "))));
  }
  return a.size() == b.size() ? "" : "has more keys";
}

class Runner {
 public:
  Runner(const Case& c, const Way& way, cep::Program program)
      : case_(c),
        way_(way),
        program_(std::move(program)),
        steps_(steps_of(c.events, way.end, way.cut)) {
    cep::Engine engine(program_, kSeeds[0]);
    for (const EngineStep& step : steps_) {
      begin_.push_back(alerts_.size());
      take_step(program_, engine, case_.events, step, alerts_);
    }
    begin_.push_back(alerts_.size());
  }

  // What goes wrong; empty where nothing does.
  std::string run() {
    cep::Engine cut_slowly(program_, kSeeds[0]);  // snapshots while it goes on
    cep::Engine cut_whole(program_, kSeeds[0]);   // a whole snapshot at each position
    cut_slowly.track_changes();
    cut_whole.track_changes();
    std::vector<cep::Alert> alerts;
    Snapshot slow;
    bool is_open = false;
    std::size_t opened = 0;  // where the open cut was begun
    std::unique_ptr<EntryMapSink> sink;
    Snapshot whole_at_open;
    const std::size_t stride = 1 + steps_.size() / way_.positions_max;
    for (std::size_t position = 0; position <= steps_.size(); ++position) {
      const bool looks = position % stride == 0 || position == steps_.size();
      Snapshot whole;
      if (looks) {
        whole = whole_snapshot(cut_whole);
        if (std::string problem = go_on_from(whole, position, cut_whole.stats().runs);
            !problem.empty()) {
          return fmt::format("whole snapshot at {} of {}: {}", position, steps_.size(), problem);
        }
      }
      if (!is_open && looks) {
        slow.globals = cut_slowly.begin_snapshot();
        sink = std::make_unique<EntryMapSink>(slow.entries);
        is_open = true;
        opened = position;
        whole_at_open = whole;
      }
      const bool is_last = position == steps_.size();
      if (is_open && cut_slowly.write_snapshot(*sink, is_last ? SIZE_MAX : way_.chunk)) {
        if (slow != whole_at_open) {
          return fmt::format("cut at {} of {}, done at {}: {} {}", opened, steps_.size(), position,
                             slow.globals == whole_at_open.globals ? "" : "globals differ",
                             map_difference(slow.entries, whole_at_open.entries));
        }
        is_open = false;
      }
      if (is_last) break;
      take_step(program_, cut_slowly, case_.events, steps_[position], alerts);
      std::vector<cep::Alert> same;
      take_step(program_, cut_whole, case_.events, steps_[position], same);
    }
    if (lines_of(program_.plan(), alerts, 0) != lines_of(program_.plan(), alerts_, 0)) {
      return "snapshots change alerts";
    }
    if (way_.end == cep::kEventTimeMax) {
      take_snapshot(cut_slowly, slow);
      if (!slow.entries.empty()) return "state outlives time";
    }
    return {};
  }

 private:
  // Restores the snapshot of a position, and goes on.
  std::string go_on_from(const Snapshot& snapshot, std::size_t position, std::uint64_t runs) {
    cep::RestoreReport report;
    auto engine = restored_engine(program_, kSeeds[position % 2], snapshot, &report);
    if (!engine) return engine.error().message;
    if (!report.is_same_program) return "the report says another program";
    if (engine->stats().runs != runs) return "the number of partial matches is another";
    if (const Snapshot again = whole_snapshot(*engine); again != snapshot) {
      return fmt::format("written again: {} {}", again.globals == snapshot.globals ? "" : "globals",
                         map_difference(snapshot.entries, again.entries));
    }
    Snapshot later = snapshot;
    std::vector<cep::Alert> alerts;
    for (std::size_t i = position; i < steps_.size(); ++i) {
      take_step(program_, *engine, case_.events, steps_[i], alerts);
      if (i == position + 3) take_snapshot(*engine, later);
    }
    if (position + 3 < steps_.size()) {
      take_snapshot(*engine, later);
      if (const Snapshot all = whole_snapshot(*engine); all != later) {
        return "cuts after it: " + map_difference(later.entries, all.entries);
      }
    }
    const std::vector<std::string> expected = lines_of(program_.plan(), alerts_, begin_[position]);
    const std::vector<std::string> found = lines_of(program_.plan(), alerts, 0);
    if (expected == found) return {};
    const auto [a, b] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
    return fmt::format("of {} alerts {} came; at {}\n  never stopped: {}\n  restored: {}",
                       expected.size(), found.size(), a - expected.begin(),
                       a == expected.end() ? "(no more)" : *a, b == found.end() ? "(no more)" : *b);
  }

  const Case& case_;
  const Way& way_;
  cep::Program program_;
  std::vector<EngineStep> steps_;
  std::vector<cep::Alert> alerts_;
  std::vector<std::size_t> begin_;  // by position: the first alert after it
};

std::string problem_of(const Case& c, const Way& way) {
  const auto plan = std::make_shared<const cep::Plan>(c.plan);
  const auto program =
      way.general ? cep::compile_general(plan, way.limits) : cep::compile(plan, way.limits);
  if (!program) return "compile: " + program.error().message;
  return Runner(c, way, *program).run();
}

void check(Random& random, Case& c) {
  Way way;
  way.cut.rows = random.pick<std::size_t>({1, 1, 1, 2, 7});
  way.cut.eager = random.chance(30);
  way.chunk = random.pick<std::size_t>({1, 30, 200, 100'000});
  way.positions_max = random.chance(20) ? 100 : 12;
  way.general = random.chance(30);
  if (random.chance(30)) way.limits.enumerated_states_max = 0;
  if (random.chance(30)) {
    // Budgets that are often exceeded.
    way.limits.runs_per_key_max = static_cast<std::uint32_t>(random.between(2, 6));
    way.limits.matches_per_event_max = static_cast<std::uint32_t>(random.between(1, 3));
    way.limits.events_per_key_max = static_cast<std::uint32_t>(random.between(2, 12));
    way.limits.bytes_per_key_max = static_cast<std::uint64_t>(random.between(400, 4'000));
    way.limits.runs_per_group_max = static_cast<std::uint32_t>(random.between(8, 40));
    way.limits.bytes_per_group_max = static_cast<std::uint64_t>(random.between(4'000, 10'000));
    if (random.chance(50)) {
      way.limits.steps_per_event_max = static_cast<std::uint64_t>(random.between(1, 100));
    }
    way.limits.feature_events_per_key_max = static_cast<std::uint64_t>(random.between(1, 5));
    way.limits.ewma_events_per_key_max = static_cast<std::uint64_t>(random.between(1, 5));
  }
  oracle::Options options;
  options.bound = {1'000'000 * random.between(0, 4)};
  options.late = random.chance(50) ? oracle::Late::kClamp : oracle::Late::kSide;
  c.events = oracle::place_events(
      c.plan, random_events(random, c.plan, {.count_max = 40, .disorder = random.chance(30)}),
      options);
  if (c.events.empty()) return;
  if (random.chance(50))
    way.end = c.events.back().engine_time + cep::Duration{1'000'000 * random.between(0, 5)};
  const std::string problem = problem_of(c, way);
  if (problem.empty()) return;
  const Case small =
      shrink(c, [&](const Case& smaller) { return !problem_of(smaller, way).empty(); });
  FAIL(fmt::format("{}\n{}\n{}slices of {}, {}bites of {}, {}\n", problem_of(small, way),
                   cep::describe(small.plan), events_text(small.plan, small.events), way.cut.rows,
                   way.cut.eager ? "eager, " : "", way.chunk, way.general ? "general" : ""));
}

// Alerts but those of rules called other_….
std::vector<std::string> own_lines(const cep::Plan& plan, std::vector<cep::Alert> alerts) {
  std::erase_if(alerts, [&](const cep::Alert& alert) {
    return plan.rules[alert.rule.value].name.starts_with("other_");
  });
  return alert_lines(plan, alerts);
}

std::string damaged(Random& random, std::string bytes) {
  const std::size_t at = random.below(bytes.size());
  switch (random.below(5)) {
    case 0:
      return bytes.substr(0, at);
    case 1:
      bytes.insert(at, 1, static_cast<char>(random.below(256)));
      return bytes;
    case 2:
      bytes.erase(at, 1 + random.below(3));
      return bytes;
    case 3:
      bytes[at] = static_cast<char>(random.pick<std::size_t>({0, 1, 0x7f, 0x80, 0xff}));
      return bytes;
    default:
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << random.below(8));
      return bytes;
  }
}

// Engines made of damaged snapshots: refused, or some state that can be gone on with.
struct Damage {
  std::size_t refused = 0;
  std::size_t taken = 0;

  void try_one(Random& random, const Case& c, const cep::Program& program,
               const std::vector<EngineStep>& steps, std::size_t position, Snapshot snapshot) {
    if (snapshot.entries.empty() || random.chance(10)) {
      snapshot.globals = damaged(random, snapshot.globals);
    } else {
      auto entry = snapshot.entries.begin();
      std::advance(entry, static_cast<std::ptrdiff_t>(random.below(snapshot.entries.size())));
      entry->second = damaged(random, entry->second);
    }
    auto engine = restored_engine(program, kSeeds[0], snapshot);
    if (!engine) {
      // A first byte that was damaged may say a newer format.
      const bool is_newer =
          !snapshot.globals.empty() &&
          !cep::is_known_state_format(static_cast<std::uint8_t>(snapshot.globals.front()));
      CHECK(engine.error().code == (is_newer ? Errc::kOtherVersion : Errc::kCorrupt));
      ++refused;
      return;
    }
    ++taken;
    std::vector<cep::Alert> alerts;
    for (std::size_t i = position; i < steps.size(); ++i) {
      // A watermark may be what was damaged.
      if (engine->watermark() > steps[i].watermark ||
          (steps[i].begin < steps[i].end &&
           engine->watermark() > c.events[steps[i].begin].engine_time)) {
        return;
      }
      take_step(program, *engine, c.events, steps[i], alerts);
    }
    alert_lines(program.plan(), alerts);
    whole_snapshot(*engine);
  }
};
}  // namespace

TEST_CASE("engine state: damaged bytes are refused, or harmless") {
  Damage damage;
  for_all_seeds("ENGINE_STATE", 300, [&](Random& random) {
    Case c;
    c.plan = random.chance(50) ? random_plan(random) : random_language_plan(random);
    const oracle::Options options;
    c.events = oracle::place_events(c.plan, random_events(random, c.plan), options);
    if (c.events.empty()) return;
    const auto program = cep::compile(std::make_shared<const cep::Plan>(c.plan), kOutOfReach);
    REQUIRE(program.has_value());
    const std::vector<EngineStep> steps =
        steps_of(c.events, cep::kEventTimeMax, {.rows = 1 + random.below(4)});
    cep::Engine engine(*program, kSeeds[0]);
    engine.track_changes();
    std::vector<cep::Alert> alerts;
    const std::size_t stop = random.below(steps.size());
    for (std::size_t i = 0; i < stop; ++i) take_step(*program, engine, c.events, steps[i], alerts);
    const Snapshot snapshot = whole_snapshot(engine);
    for (int i = 0; i < 60; ++i) damage.try_one(random, c, *program, steps, stop, snapshot);
  });
  MESSAGE(damage.refused << " refused, " << damage.taken << " taken");
  CHECK(damage.refused > damage.taken);
}

TEST_CASE("engine state: rules go on beside others, and without them") {
  std::size_t compared = 0;
  std::size_t alerting = 0;
  const std::size_t cases = for_all_seeds("ENGINE_STATE", 300, [&](Random& random) {
    const cep::Plan plan = random.chance(30) ? random_plan(random) : random_language_plan(random);
    const auto more =
        merged(plan, random_language_plan(random, &plan), "other_", random.chance(50));
    if (!more) return;
    REQUIRE(cep::validate(*more).empty());
    Case c;
    c.events = oracle::place_events(plan, random_events(random, plan, {.count_max = 40}), {});
    const auto alone = cep::compile(std::make_shared<const cep::Plan>(plan), kOutOfReach);
    const auto beside = cep::compile(std::make_shared<const cep::Plan>(*more), kOutOfReach);
    REQUIRE(alone.has_value());
    REQUIRE(beside.has_value());
    const std::vector<EngineStep> steps =
        steps_of(c.events, cep::kEventTimeMax, {.rows = 1 + random.below(4)});
    // Written by one, read by the other.
    for (const bool starts_alone : {true, false}) {
      const cep::Program& before = starts_alone ? *alone : *beside;
      const cep::Program& after = starts_alone ? *beside : *alone;
      const std::size_t stop = random.below(steps.size() + 1);
      cep::Engine engine(before, kSeeds[0]);
      engine.track_changes();
      std::vector<cep::Alert> alerts;
      for (std::size_t i = 0; i < stop; ++i) take_step(before, engine, c.events, steps[i], alerts);
      const std::size_t alerts_before = alerts.size();
      const Snapshot snapshot = whole_snapshot(engine);
      for (std::size_t i = stop; i < steps.size(); ++i) {
        take_step(before, engine, c.events, steps[i], alerts);
      }
      alerts.erase(alerts.begin(), alerts.begin() + static_cast<std::ptrdiff_t>(alerts_before));
      cep::RestoreReport report;
      auto other = restored_engine(after, kSeeds[1], snapshot, &report);
      REQUIRE_MESSAGE(other.has_value(), other.error().message);
      CHECK_FALSE(report.is_same_program);
      for (const cep::RestoreReport::Line& line : report.lines) {
        const std::size_t at = line.name.starts_with('$') ? 1 : 0;
        if (line.name.substr(at).starts_with("other_")) continue;
        CAPTURE(line.name);
        CHECK(line.fate == cep::RestoreReport::Fate::kKept);
        CHECK_FALSE(line.suppression_lost);
      }
      std::vector<cep::Alert> found;
      for (std::size_t i = stop; i < steps.size(); ++i) {
        take_step(after, *other, c.events, steps[i], found);
      }
      const std::vector<std::string> expected_lines = own_lines(before.plan(), alerts);
      ++compared;
      if (!expected_lines.empty()) ++alerting;
      if (expected_lines != own_lines(after.plan(), found)) {
        FAIL("restored at " << stop << (starts_alone ? " beside others:\n" : " alone:\n")
                            << fmt::format("{}\n  not\n{}\n",
                                           fmt::join(own_lines(after.plan(), found), "\n"),
                                           fmt::join(expected_lines, "\n"))
                            << cep::describe(plan) << "\n--- and\n"
                            << cep::describe(*more) << events_text(plan, c.events));
      }
    }
  });
  MESSAGE(cases << " cases, " << compared << " compared, " << alerting << " with alerts");
  if (cases >= 100) CHECK(3 * alerting > compared);
}

TEST_CASE("engine state: state without features goes on from bytes at every position") {
  for_all_seeds("ENGINE_STATE", 300, [&](Random& random) {
    Case c;
    c.plan = random_plan(random);
    check(random, c);
  });
}

TEST_CASE("engine state: state of the whole language goes on from bytes at every position") {
  for_all_seeds("ENGINE_STATE", 300, [&](Random& random) {
    Case c;
    c.plan = random_language_plan(random);
    check(random, c);
  });
}
}  // namespace tocsin::tests

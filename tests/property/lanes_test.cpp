// The engine on several lanes: alerts, counts and state are those of one lane, whatever the number
// of lanes and the order in which they work.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "runtime/io/worker_threads.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_levels.h"
#include "tests/support/random_pack.h"
#include "tests/support/shrink.h"
#include "tests/support/shuffled_workers.h"

namespace tocsin::tests {
namespace {
constexpr std::uint32_t kLanes[] = {1, 2, 3, 8, 16};

// How a case runs: the same for each number of lanes.
struct Way {
  Cut cut;
  cep::Limits limits = kRarelyExceeded;
  bool general = false;
  bool indexed = false;
  std::size_t restored_at = SIZE_MAX;  // before this step, by an engine of other lanes
  std::size_t cut_at = SIZE_MAX;       // a snapshot is begun before it, and written in tiny chunks
  bool profiles = false;
};

struct Outcome {
  std::vector<std::string> alerts;
  std::vector<std::uint64_t> counts;
  Snapshot slow;   // begun at Way::cut_at
  Snapshot whole;  // before time ends
};

// All but the bytes of memory and what is counted early: what vectors have room for depends on what
// has passed through them.
std::vector<std::uint64_t> counts_of(const cep::EngineStats& stats) {
  return {stats.rows,
          stats.rows_relevant,
          stats.keys,
          stats.values,
          stats.runs,
          stats.timers,
          stats.values_missing,
          stats.feature_events_lost,
          stats.runs_lost,
          stats.matches_truncated,
          stats.alerts_suppressed,
          stats.keys_made_busy,
          stats.keys_left_as_runs,
          stats.layout_work,
          stats.predicates_asked,
          stats.operators_run};
}
void append(std::vector<std::uint64_t>& to, const std::vector<std::uint64_t>& counts) {
  to.insert(to.end(), counts.begin(), counts.end());
}

std::vector<std::uint64_t> asked_of(const cep::EngineProfile& profile) {
  std::vector<std::uint64_t> asked{profile.rows};
  for (const auto& part : profile.rules) asked.push_back(part.asked);
  for (const auto& part : profile.features) asked.push_back(part.asked);
  return asked;
}

// `then`: of the engine that is restored.
Outcome run(const Case& c, const cep::Program& program, const Way& way, cep::Workers* workers,
            cep::Workers* then) {
  const std::vector<EngineStep> steps = steps_of(c.events, cep::kEventTimeMax, way.cut);
  std::optional<cep::Engine> engine(std::in_place, program, way.cut.hash_seed, workers);
  engine->track_changes();
  if (way.profiles) engine->begin_profile();
  Outcome outcome;
  std::vector<cep::Alert> alerts;
  std::unique_ptr<EntryMapSink> sink;
  const auto finish_cut = [&] {
    if (sink) CHECK(engine->write_snapshot(*sink, SIZE_MAX));
    sink.reset();
  };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i == way.restored_at) {
      finish_cut();
      append(outcome.counts, counts_of(engine->stats()));
      Result<cep::Engine> restored =
          restored_engine(program, 8, whole_snapshot(*engine), nullptr, then);
      REQUIRE(restored.has_value());
      engine.emplace(std::move(*restored));
    }
    if (i == way.cut_at) {
      engine->mark_all_changed();
      outcome.slow.globals = engine->begin_snapshot();
      sink = std::make_unique<EntryMapSink>(outcome.slow.entries);
    }
    if (sink && engine->write_snapshot(*sink, 1)) sink.reset();
    if (i + 1 == steps.size()) {
      finish_cut();
      outcome.whole = whole_snapshot(*engine);
      append(outcome.counts, engine->steps_exceeded());
      append(outcome.counts, counts_of(engine->stats()));
    }
    take_step(program, *engine, c.events, steps[i], alerts);
  }
  append(outcome.counts, counts_of(engine->stats()));
  append(outcome.counts, asked_of(engine->profile()));
  outcome.alerts = alert_lines(program.plan(), alerts);
  return outcome;
}

std::string difference(const Outcome& one, const Outcome& several) {
  if (one.alerts != several.alerts) {
    const auto [a, b] = std::mismatch(one.alerts.begin(), one.alerts.end(), several.alerts.begin(),
                                      several.alerts.end());
    return fmt::format("of {} alerts {} came\n  one lane: {}\n  several:  {}", one.alerts.size(),
                       several.alerts.size(), a == one.alerts.end() ? "(no more)" : *a,
                       b == several.alerts.end() ? "(no more)" : *b);
  }
  if (one.slow != several.slow) return "a snapshot in chunks differs";
  if (one.whole.entries != several.whole.entries) return "the last entries differ";
  if (one.whole.globals != several.whole.globals) return "the last globals differ";
  if (one.counts != several.counts) {
    const auto [a, b] = std::mismatch(one.counts.begin(), one.counts.end(), several.counts.begin(),
                                      several.counts.end());
    return fmt::format("the counts differ at {}: {}, not {}", a - one.counts.begin(), *b, *a);
  }
  return {};
}

struct Tally {
  std::size_t alerting = 0;
  std::size_t with_budget_alerts = 0;
  std::size_t divided = 0;
};

// What differs between one lane and several; empty where nothing does.
std::string problem_of(const Case& c, const Way& way, Tally* tally = nullptr) {
  const auto plan = std::make_shared<const cep::Plan>(c.plan);
  const auto program = way.general   ? cep::compile_general(plan, way.limits)
                       : way.indexed ? cep::compile_indexed(plan, way.limits)
                                     : cep::compile(plan, way.limits);
  if (!program) return "compile: " + program.error().message;
  const Outcome one = run(c, *program, way, nullptr, nullptr);
  for (const std::uint32_t lanes : kLanes) {
    ShuffledWorkers workers(lanes, way.cut.hash_seed + lanes);
    ShuffledWorkers others(lanes == 3 ? 8 : 3, lanes);
    const Outcome several = run(c, *program, way, &workers, &others);
    if (tally != nullptr && workers.divided() > 0) ++tally->divided;
    if (std::string problem = difference(one, several); !problem.empty()) {
      return fmt::format("{} lanes: {}", lanes, problem);
    }
  }
  if (tally != nullptr) {
    if (!one.alerts.empty()) ++tally->alerting;
    const bool has_budget_alert = std::ranges::any_of(one.alerts, [](const std::string& line) {
      return line.find("\"rule\":\"tocsin.budget\"") != std::string::npos;
    });
    if (has_budget_alert) ++tally->with_budget_alerts;
  }
  return {};
}

Case random_case(Random& random) {
  Case c;
  c.plan = random_pack(random);
  if (random.chance(20)) give_shares(random, c.plan);
  // Columns of several words are divided within.
  const std::size_t count_max = random.chance(10) ? 500 : 80;
  c.events = oracle::place_events(
      c.plan,
      random_events(random, c.plan,
                    {.count_max = count_max, .crowds = 10, .disorder = random.chance(30)}),
      {});
  return c;
}
}  // namespace

TEST_CASE("lanes: any number of them gives the alerts, counts and state of one") {
  Tally tally;
  const std::size_t cases = for_all_seeds("LANES", 400, [&](Random& random) {
    const Case c = random_case(random);
    if (c.events.empty()) return;
    Way way;
    way.cut.rows = random.pick<std::size_t>({1, 3, 20, 10'000});
    way.cut.hash_seed = random.next();
    way.cut.eager = random.chance(30);
    way.general = random.chance(20);
    way.indexed = random.chance(20);
    way.profiles = random.chance(30);
    if (random.chance(50)) way.limits = often_exceeded(random);
    if (random.chance(30)) way.limits.busy_key_runs = 0;
    const std::size_t steps = steps_of(c.events, cep::kEventTimeMax, way.cut).size();
    if (random.chance(50)) way.restored_at = random.below(steps);
    if (random.chance(50)) way.cut_at = random.below(steps);
    const std::string problem = problem_of(c, way, &tally);
    if (problem.empty()) return;
    const Case small =
        shrink(c, [&](const Case& smaller) { return !problem_of(smaller, way).empty(); });
    FAIL(fmt::format("{}\n{}\n{}slices of {}\n", problem_of(small, way), cep::describe(small.plan),
                     events_text(small.plan, small.events), way.cut.rows));
  });
  MESSAGE(cases << " cases, " << tally.alerting << " with alerts, " << tally.with_budget_alerts
                << " with budgets exceeded, " << tally.divided << " runs with divided slices");
  if (cases < 200) return;
  CHECK(2 * tally.alerting > cases);
  CHECK(10 * tally.with_budget_alerts > cases);
  CHECK(2 * tally.divided > cases);
}

// Under the thread sanitizer this is where lanes meet.
TEST_CASE("lanes: threads give what one thread gives") {
  constexpr std::uint32_t kThreads = 3;
  runtime::WorkerThreads threads(kThreads, 1);
  for_all_seeds("LANES", 400, [&](Random& random) {
    if (!random.chance(20)) return;
    const Case c = random_case(random);
    Way way;
    way.cut.rows = random.pick<std::size_t>({20, 10'000});
    if (random.chance(50)) way.limits = often_exceeded(random);
    way.profiles = random.chance(30);
    const auto program = cep::compile(std::make_shared<const cep::Plan>(c.plan), way.limits);
    REQUIRE(program.has_value());
    const Outcome one = run(c, *program, way, nullptr, nullptr);
    const Outcome several = run(c, *program, way, &threads, &threads);
    CHECK(difference(one, several) == "");
  });
}
}  // namespace tocsin::tests

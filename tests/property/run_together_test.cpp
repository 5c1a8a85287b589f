// Several programs over one reading of the events give what each gives alone.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cep/data/alert_format.h"
#include "cep/plan/event_type.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "runtime/event_time/run.h"
#include "tests/support/event_json.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_threads.h"

namespace tocsin::tests {
namespace {
using Lines = std::vector<std::string>;

// Where alerts of a program are put, as lines.
std::function<Result<void>(const cep::Alert&)> into(const cep::Program& program, Lines& lines) {
  return [&](const cep::Alert& alert) -> Result<void> {
    lines.push_back(cep::format_alert(program.plan(), alert));
    return {};
  };
}
// A profile of every slice has what a whole one counts; times are what they are.
void check_same_counts(const cep::EngineProfile& sum, const cep::EngineProfile& whole) {
  if (sum.rows == 0) return;  // no slice
  REQUIRE(sum.rules.size() == whole.rules.size());
  for (std::size_t i = 0; i < sum.rules.size(); ++i) {
    CHECK(sum.rules[i].asked == whole.rules[i].asked);
  }
  REQUIRE(sum.features.size() == whole.features.size());
  for (std::size_t i = 0; i < sum.features.size(); ++i) {
    CHECK(sum.features[i].asked == whole.features[i].asked);
  }
  CHECK(sum.steps.size() == whole.steps.size());
}
}  // namespace

TEST_CASE("run together: each program gives what it gives alone") {
  std::size_t alerts = 0;
  for_all_seeds("run_together", 400, [&](Random& random) {
    const cep::Plan first = random_language_plan(random);
    std::vector<cep::Plan> plans = {first};
    while (plans.size() < 2 || random.chance(30)) {
      plans.push_back(random_language_plan(random, &first));
    }
    std::vector<cep::Program> programs;
    for (const cep::Plan& plan : plans) {
      auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
      if (!program) return;
      programs.push_back(std::move(*program));
    }
    for (const cep::Program& program : programs) {
      if (!runtime::reads_alike(first, program.plan())) return;
    }
    const std::string json =
        event_lines(random, first, random_events(random, first, {.crowds = 1, .disorder = true}));
    runtime::RunOptions options;
    options.slice_rows_max = static_cast<std::size_t>(random.pick({1, 7, 64, 4096}));
    options.profiles = random.chance(30);

    std::vector<Lines> together(programs.size());
    std::vector<runtime::ProgramRun> runs;
    for (std::size_t i = 0; i < programs.size(); ++i) {
      const std::uint64_t profiled = random.chance(50) ? random.below(4) : 0;
      runs.push_back({&programs[i], into(programs[i], together[i]), profiled});
    }
    runtime::RunOptions with_threads = options;
    std::unique_ptr<runtime::WorkerThreads> workers;
    if (random.chance(50)) workers = use_random_threads(random, with_threads);
    const auto summaries = runtime::run_together(runs, {{"random.ndjson", json}}, with_threads, {});
    REQUIRE(summaries.has_value());
    for (std::size_t i = 0; i < programs.size(); ++i) {
      Lines alone;
      runtime::Sinks sinks;
      sinks.alert = into(programs[i], alone);
      const auto summary = runtime::run(programs[i], {{"random.ndjson", json}}, options, sinks);
      REQUIRE(summary.has_value());
      CHECK(together[i] == alone);
      CHECK((*summaries)[i].alerts_by_rule == summary->alerts_by_rule);
      CHECK((*summaries)[i].alerts == summary->alerts);
      CHECK((*summaries)[i].events == summary->events);
      CHECK((*summaries)[i].late == summary->late);
      CHECK((*summaries)[i].engine.alerts_suppressed == summary->engine.alerts_suppressed);
      const bool is_profiled = options.profiles || runs[i].profiled_once_in != 0;
      CHECK((*summaries)[i].profile.has_value() == is_profiled);
      if (options.profiles && runs[i].profiled_once_in == 1) {  // of every slice
        check_same_counts((*summaries)[i].profile->engine, summary->profile->engine);
      }
      alerts += alone.size();
    }
  });
  CHECK(alerts > 0);
}

TEST_CASE("run together: event types decide whether one reading serves two plans") {
  for_all_seeds("reads_alike", 200, [](Random& random) {
    const cep::Plan plan = random_language_plan(random);
    CHECK(runtime::reads_alike(plan, plan));
    cep::Plan other = plan;
    other.rules.clear();
    other.features.clear();
    CHECK(runtime::reads_alike(plan, other));
    cep::EventType& type = other.event_types[0];
    const std::size_t change = random.below(4);
    if (change == 0) type.name += "_";
    if (change == 1) type.bound.us += 1'000'000;
    if (change == 2) type.fields.push_back({"further", {"further"}, type.fields[0].type});
    if (change == 3) other.event_types.insert(other.event_types.begin(), type);
    CHECK_FALSE(runtime::reads_alike(plan, other));
  });
}
}  // namespace tocsin::tests

// The whole way, from rule text and JSON lines to alerts, against the oracle on the plan and events
// that they were made from.
#include "runtime/event_time/run.h"
#include "cep/data/alert_format.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/zone.h"
#include "rules/context/rules.h"
#include "tests/support/engine_run.h"
#include "tests/support/event_json.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_source.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_plan.h"
#include "tests/support/random_threads.h"

namespace tocsin::tests {
namespace {
std::string difference(const std::vector<std::string>& expected,
                       const std::vector<std::string>& found) {
  const auto [a, b] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
  return fmt::format("of {} alerts by definition the run gives {}\n  oracle: {}\n  run:    {}",
                     expected.size(), found.size(), a == expected.end() ? "(no more)" : *a,
                     b == found.end() ? "(no more)" : *b);
}
}  // namespace

namespace {
cep::EventTime newest_of(const std::vector<oracle::PlacedEvent>& events) {
  cep::EventTime newest = cep::kEventTimeMin;
  for (const oracle::PlacedEvent& event : events) newest = std::max(newest, event.engine_time);
  return newest;
}
}  // namespace

TEST_CASE("run: rule text and JSON lines give the oracle's alerts") {
  for_all_seeds("PROPERTY", 2000, [](Random& random) {
    // What text cannot say of the whole language, rule_text_test.cpp lists.
    const bool whole = random.chance(60);
    cep::Plan plan = whole ? random_language_plan(random) : random_plan(random);
    if (whole && !unsayable(plan).empty()) return;
    const std::string rule_text = plan_source(plan);
    const rules::Loaded loaded = rules::load(
        {"random.tocsin"}, [&](const std::string&) -> Result<std::string> { return rule_text; });
    const bool never_alerts = std::ranges::any_of(
        loaded.diagnostics,
        [](const rules::Diagnostic& diagnostic) { return diagnostic.code == rules::Code::kE0441; });
    if ((whole || never_alerts) && !loaded.rules) return;
    REQUIRE(loaded.rules.has_value());
    plan.zones = loaded.rules->plan->zones;  // those of random plans have rules of their own
    const auto program = cep::compile(loaded.rules->plan, kOutOfReach);
    REQUIRE(program.has_value());

    const std::vector<oracle::Event> events =
        random_events(random, plan, {.crowds = 1, .disorder = random.chance(60)});
    runtime::RunOptions run_options;
    oracle::Options options;
    options.work_max = 20'000;
    if (random.chance(50)) {
      options.bound = cep::Duration{1'000'000 * random.between(0, 5)};
      run_options.out_of_orderness = options.bound;
    } else {
      for (const cep::EventType& type : plan.event_types) {
        options.bound = std::max(options.bound, type.bound);
      }
    }
    if (random.chance(50)) {
      options.late = oracle::Late::kClamp;
      run_options.late = runtime::LatePolicy::kClamp;
    }
    run_options.slice_rows_max = static_cast<std::size_t>(random.pick({1, 2, 7, 64, 4096}));
    run_options.hash_seed = random.next();
    const std::vector<oracle::PlacedEvent> placed = oracle::place_events(plan, events, options);
    cep::Plan without_unique = plan;
    for (cep::EventType& type : without_unique.event_types) type.unique.reset();
    const std::vector<oracle::PlacedEvent> with_repeats =
        oracle::place_events(without_unique, events, options);
    if (random.chance(40)) {
      // Time ends at the newest event, also one that `unique` drops, or where it is asked to be if
      // that is later.
      options.end = newest_of(with_repeats);
      run_options.final_watermark = false;
      if (random.chance(50)) {
        run_options.until = events.back().ts + cep::Duration{1'000'000 * random.between(-3, 8)};
        options.end = std::max(options.end, *run_options.until);
      }
    }
    const std::optional<oracle::Outcome> outcome = oracle::evaluate(plan, placed, options);
    if (!outcome) return;

    const std::string json = event_lines(random, plan, events);
    std::vector<std::string> found;
    runtime::Sinks sinks;
    sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
      found.push_back(cep::format_alert(*loaded.rules->plan, alert));
      return {};
    };
    std::string rejected;
    sinks.dead_letter = [&](const runtime::DeadLetter& letter) {
      rejected += fmt::format("{}: {}\n", letter.reason, letter.text);
    };
    std::unique_ptr<runtime::WorkerThreads> workers;
    if (random.chance(30)) workers = use_random_threads(random, run_options);
    const Result<runtime::RunSummary> summary =
        runtime::run(*program, {{"random.ndjson", json}}, run_options, sinks);
    REQUIRE(summary.has_value());
    CHECK(rejected == "");
    CHECK(summary->late == events.size() - with_repeats.size());
    // Events of a type that no rule uses are not looked at.
    CHECK(summary->repeats <= with_repeats.size() - placed.size());
    const std::vector<std::string> expected = alert_lines(plan, outcome->alerts);
    if (found == expected) return;
    FAIL(difference(expected, found) << "\n" << rule_text << "\n" << json);
  });
}
}  // namespace tocsin::tests

// What random rules cost where all events have one key: timers, and places that are gone through
// for budgets, in numbers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/busy_events.h"
#include "tests/support/engine_run.h"
#include "tests/support/random.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
TEST_CASE("costs: a busy key's timers and counts grow with its events alone") {
  constexpr std::size_t kEvents = 500;
  constexpr std::uint64_t kBytes = 200'000;
  std::uint64_t most_timers = 0;
  double most_places = 0;
  for_all_seeds("PROPERTY", 200, [&](Random& random) {
    const auto plan = std::make_shared<const cep::Plan>(random_language_plan(random));
    cep::Limits limits;
    limits.bytes_per_key_max = kBytes;
    const auto program = cep::compile(plan, limits);
    REQUIRE(program.has_value());
    const auto placed = busy_events(random, *plan, kEvents, 200);
    cep::Engine engine(*program, 1);
    std::vector<cep::Alert> alerts;
    std::uint64_t timers = 0;
    std::uint64_t matches = 0;  // partial ones, each at each event
    for (const EngineStep& step : steps_of(placed, placed.back().engine_time, {1, 1})) {
      take_step(*program, engine, placed, step, alerts);
      alerts.clear();
      const cep::EngineStats stats = engine.stats();
      timers = std::max(timers, stats.timers);
      matches += stats.runs;
    }
    most_timers = std::max(most_timers, timers / plan->rules.size());
    const double places =
        static_cast<double>(engine.stats().budget_work) / static_cast<double>(matches + kEvents);
    most_places = std::max(most_places, places);
    // Those that a partial match gets or loses. Of all that it has there may be a hundred.
    REQUIRE(places < 8);
  });
  MESSAGE(most_timers << " timers of a rule at most, " << most_places
                      << " places gone through for a partial match at an event");
  CHECK(most_timers <= 2 * kEvents);
}
}  // namespace tocsin::tests

// What random rules cost where all events have one key: timers, and places that are counted for
// budgets, in numbers.
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
  std::uint64_t counted = 0;
  std::uint64_t most_visited = 0;
  const std::size_t cases = for_all_seeds("PROPERTY", 200, [&](Random& random) {
    const auto plan = std::make_shared<const cep::Plan>(random_language_plan(random));
    cep::Limits limits;
    limits.bytes_per_key_max = kBytes;
    const auto program = cep::compile(plan, limits);
    REQUIRE(program.has_value());
    const auto placed = busy_events(random, *plan, kEvents, 200);
    cep::Engine engine(*program, 1);
    std::vector<cep::Alert> alerts;
    std::uint64_t timers = 0;
    for (const EngineStep& step : steps_of(placed, placed.back().engine_time, {20, 1})) {
      take_step(*program, engine, placed, step, alerts);
      alerts.clear();
      timers = std::max(timers, engine.stats().timers);
    }
    most_timers = std::max(most_timers, timers / plan->rules.size());
    counted += engine.stats().budget_work;
    most_visited = std::max(most_visited, engine.stats().runs_visited / kEvents);
  });
  MESSAGE(most_timers << " timers of a rule at most, " << counted / cases
                      << " places counted in a case, " << most_visited
                      << " partial matches looked at by an event at most");
  CHECK(most_timers <= 2 * kEvents);
  // Counted at each event they would be up to 6 millions.
  if (cases >= 200) CHECK(counted < 30'000 * cases);
}
}  // namespace tocsin::tests

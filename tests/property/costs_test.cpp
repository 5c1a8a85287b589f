// What random rules cost where all events have one key: timers, and places that are counted for
// budgets, in numbers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/record/budget.h"
#include "tests/support/engine_run.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
namespace {
// Random events of one key, so close to each other that windows hold nearly all of them.
std::vector<oracle::PlacedEvent> busy_events(Random& random, const cep::Plan& plan,
                                             std::size_t count) {
  constexpr std::int64_t kCloser = 200;
  EventsOptions options;
  options.count_min = options.count_max = count;
  options.crowds = 0;
  std::vector<oracle::Event> events = random_events(random, plan, options);
  const std::int64_t first_us = events.front().ts.us;
  for (oracle::Event& event : events) {
    event.ts.us = first_us + (event.ts.us - first_us) / kCloser;
    const cep::EventType& type = plan.event_types[event.type.value];
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      if (type.time_field == cep::FieldIndex(i)) {
        event.fields[i] = cep::OwnedValue(cep::Value::time(event.ts));
      } else if (type.fields[i].name == "card" || type.fields[i].name == "device") {
        event.fields[i] = cep::OwnedValue(cep::Value::string("k"));
      }
    }
  }
  return oracle::place_events(plan, events, {});
}
}  // namespace

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
    const auto placed = busy_events(random, *plan, kEvents);
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

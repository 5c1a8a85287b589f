// Keys that are erased: the engine then goes on as one that was restored without their entries.
#include <doctest/doctest.h>

#include <cstdint>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/engine/key_report.h"
#include "cep/plan/rule.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_plan.h"

namespace tocsin::tests {
namespace {
// The parts of a key, read without the engine.
std::vector<std::string> parts_of(std::string key, std::size_t count) {
  if (count == 1) return {key};
  std::vector<std::string> parts;
  while (!key.empty()) {
    std::size_t size = 0;
    for (int i = 0; i < 4; ++i) size = size * 256 + static_cast<unsigned char>(key[i]);
    parts.push_back(key.substr(4, size));
    key.erase(0, 4 + size);
  }
  return parts;
}
}  // namespace

TEST_CASE("erased keys: an engine goes on as one that was restored without them") {
  std::size_t erased = 0;
  std::size_t alerts_after = 0;
  for_all_seeds("erased_keys", 150, [&](Random& random) {
    PlanOptions options;
    options.rich_features = true;
    const cep::Plan plan = random_plan(random, options);
    const auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
    REQUIRE(program.has_value());
    const auto placed = oracle::place_events(plan, random_events(random, plan), {});
    cep::Engine engine(*program, 1);
    engine.track_changes();
    std::vector<cep::Alert> alerts;
    const auto steps = steps_of(placed, placed.back().engine_time, {7, 1});
    const std::size_t half = steps.size() / 2;
    Snapshot kept;  // what a store has: cuts of what has changed
    for (std::size_t i = 0; i < half; ++i) {
      take_step(*program, engine, placed, steps[i], alerts);
      if (i % 2 == 0) take_snapshot(engine, kept);
    }
    take_snapshot(engine, kept);
    if (kept.entries.empty()) return;
    auto chosen = kept.entries.begin();
    std::advance(chosen, random.below(kept.entries.size()));
    const std::uint32_t table = std::get<0>(chosen->first);
    if (table >= program->impl().tables.size()) return;
    const std::size_t count = program->impl().tables[table].key.parts.size();
    if (count == 0) return;
    const auto part = static_cast<std::uint32_t>(random.below(count));
    const std::string bytes = parts_of(std::get<2>(chosen->first), count)[part];
    Snapshot expected = kept;
    const std::size_t gone = std::erase_if(expected.entries, [&](const auto& entry) {
      return std::get<0>(entry.first) == table &&
             parts_of(std::get<2>(entry.first), count)[part] == bytes;
    });

    CHECK(engine.erase({{table, part, bytes}}) >= gone);
    CHECK(engine.erase({{table, part, bytes}}) == 0);
    erased += gone;
    take_snapshot(engine, kept);
    REQUIRE(kept.entries == expected.entries);
    expected.globals = kept.globals;
    auto other = restored_engine(*program, 2, expected);
    REQUIRE(other.has_value());
    alerts.clear();
    std::vector<cep::Alert> others;
    for (std::size_t i = half; i < steps.size(); ++i) {
      take_step(*program, engine, placed, steps[i], alerts);
      take_step(*program, *other, placed, steps[i], others);
    }
    REQUIRE(alert_lines(plan, alerts) == alert_lines(plan, others));
    alerts_after += alerts.size();
  });
  if (tests::is_quick()) return;
  CHECK(erased > 100);
  CHECK(alerts_after > 100);
}

TEST_CASE("erased keys: which parts of keys a value may be of, and which members of input") {
  PlanBuilder b;
  b.rule("one", b.key("card", {{"pay", "card", ""}, {"transfer", "from_account", ""}}),
         {{b.kind("pay")}});
  const auto program = cep::compile(std::make_shared<const cep::Plan>(b.plan));
  REQUIRE(program.has_value());
  const auto found = cep::find_key_parts(*program, "card", "x");
  REQUIRE(found.size() == 1);
  CHECK(found.front().part == 0);
  CHECK(cep::find_key_parts(*program, "cards", "x").empty());
  CHECK(cep::input_members(*program, "card") == std::set<std::string>{"card", "from_account"});
  CHECK(cep::input_members(*program, "holder") == std::set<std::string>{"holder"});
}
}  // namespace tocsin::tests

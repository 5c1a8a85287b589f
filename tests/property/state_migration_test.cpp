// Rules change while events come: an engine that was given another's state in chunks, while that
// one went on, is as one that was given all of it at once.
#include "runtime/node/state_migration.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_merge.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_plan.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
struct Seen {
  std::size_t carried = 0;
  std::size_t in_rounds = 0;      // with more than one
  std::size_t over_programs = 0;  // to another program
  std::size_t alerting = 0;
};

cep::Program compiled(const cep::Plan& plan, bool general, const cep::Limits& limits) {
  const auto shared = std::make_shared<const cep::Plan>(plan);
  auto program = general ? cep::compile_general(shared, limits) : cep::compile(shared, limits);
  REQUIRE_MESSAGE(program, program.error().message);
  return *std::move(program);
}

cep::Limits random_limits(Random& random) {
  cep::Limits limits = kOutOfReach;
  if (random.chance(70)) return limits;
  limits.runs_per_key_max = static_cast<std::uint32_t>(random.between(2, 6));
  limits.events_per_key_max = static_cast<std::uint32_t>(random.between(2, 12));
  limits.bytes_per_key_max = static_cast<std::uint64_t>(random.between(400, 4'000));
  limits.runs_per_group_max = static_cast<std::uint32_t>(random.between(8, 40));
  limits.bytes_per_group_max = static_cast<std::uint64_t>(random.between(4'000, 10'000));
  if (random.chance(50)) {
    limits.steps_per_event_max = static_cast<std::uint64_t>(random.between(1, 100));
  }
  limits.feature_events_per_key_max = static_cast<std::uint64_t>(random.between(1, 5));
  return limits;
}

void try_one(Random& random, Seen& seen) {
  const cep::Plan plan = random.chance(30) ? random_plan(random) : random_language_plan(random);
  const bool general = random.chance(30);
  const cep::Limits limits = random_limits(random);
  std::optional<cep::Plan> other;
  if (random.chance(60)) {
    other = merged(plan, random_language_plan(random, &plan), "other_", random.chance(50));
  }
  cep::Program before = compiled(plan, general, limits);
  cep::Program after = other ? compiled(*other, general, limits) : before;
  if (other && random.chance(50)) std::swap(before, after);
  const auto events = oracle::place_events(
      plan, random_events(random, plan, {.count_max = 60, .disorder = random.chance(30)}), {});
  if (events.empty()) return;
  const std::vector<EngineStep> steps =
      steps_of(events, cep::kEventTimeMax, {.rows = random.pick<std::size_t>({1, 1, 2, 5})});
  const std::size_t begin = random.below(steps.size());
  const std::size_t end = begin + random.below(steps.size() - begin);
  const std::size_t bytes = random.pick<std::size_t>({1, 20, 100, 1'000, 100'000});

  std::vector<cep::Alert> alerts;
  cep::Engine plain(before, 0x5eed);
  plain.track_changes();
  for (std::size_t i = 0; i < end; ++i) take_step(before, plain, events, steps[i], alerts);
  auto whole = restored_engine(after, 0xfeedface, whole_snapshot(plain));
  REQUIRE_MESSAGE(whole, whole.error().message);

  cep::Engine from(before, 0x5eed);
  cep::Engine to(after, random.chance(50) ? 0x5eed : 0xfeedface);
  from.track_changes();
  to.track_changes();
  for (std::size_t i = 0; i < begin; ++i) take_step(before, from, events, steps[i], alerts);
  runtime::StateMigration carry(from, nullptr, to);
  for (std::size_t i = begin; i < end; ++i) {
    if (random.chance(80)) REQUIRE(carry.chunk(bytes));
    take_step(before, from, events, steps[i], alerts);
  }
  const std::uint64_t entries = carry.entries();
  const auto report = carry.finish();
  REQUIRE_MESSAGE(report, report.error().message);
  CHECK(report->is_same_program == !other.has_value());
  CHECK(to.stats().runs == whole->stats().runs);
  CHECK(to.stats().keys == whole->stats().keys);
  const Snapshot expected = whole_snapshot(*whole);
  if (const Snapshot found = whole_snapshot(to); found != expected) {
    FAIL(fmt::format("carried from {} to {} of {}: {}\n{}", begin, end, steps.size(),
                     found.globals == expected.globals ? "entries differ" : "globals differ",
                     cep::describe(plan)));
  }
  std::vector<cep::Alert> alerts_of_whole;
  std::vector<cep::Alert> alerts_of_carried;
  for (std::size_t i = end; i < steps.size(); ++i) {
    take_step(after, *whole, events, steps[i], alerts_of_whole);
    take_step(after, to, events, steps[i], alerts_of_carried);
  }
  CHECK(alert_lines(after.plan(), alerts_of_carried) == alert_lines(after.plan(), alerts_of_whole));
  CHECK(whole_snapshot(to) == whole_snapshot(*whole));
  ++seen.carried;
  seen.in_rounds += entries > 0 && carry.entries() > entries ? 1 : 0;
  seen.over_programs += other ? 1 : 0;
  seen.alerting += alerts_of_carried.empty() ? 0 : 1;
}
}  // namespace

TEST_CASE("carry over: keys that change faster than they are carried are few in the end") {
  const auto plan = plan_of(R"(
event payment { ts: time, card: int }
rule often "Often" {
  by card
  when payment where count(payment) over last 1h >= 1_000_000
  alert "a"
}
)");
  const auto program = cep::compile(plan);
  REQUIRE_MESSAGE(program, program.error().message);
  cep::Engine from(*program, 1);
  cep::Engine to(*program, 1);
  from.track_changes();
  to.track_changes();
  std::vector<cep::Alert> alerts;
  std::int64_t now = 0;
  const auto change = [&](std::int64_t first, std::int64_t count) {
    const cep::EventTime ts{++now};
    cep::Batch batch(*plan);
    for (std::int64_t i = 0; i < count; ++i) {
      batch.append(*plan, cep::EventTypeIndex(0), ts, ts, {0, static_cast<std::uint32_t>(i)},
                   std::vector<cep::Value>{cep::Value::time(ts), cep::Value::integer(first + i)});
    }
    from.advance(batch, ts, alerts);
  };
  constexpr std::int64_t kKeys = 30'000;
  for (std::int64_t key = 0; key < kKeys; key += 1'000) change(key, 1'000);
  runtime::StateMigration carry(from, nullptr, to);
  // Between two chunks as many keys of a busy set change as a chunk carries.
  constexpr std::size_t kBytes = 16'384;
  REQUIRE(carry.chunk(kBytes));
  const auto of_a_chunk = static_cast<std::int64_t>(carry.entries());
  CHECK(of_a_chunk > 100);
  std::int64_t at = 0;
  int chunks = 0;
  for (; !carry.is_nearly_done() && chunks < 10'000; ++chunks) {
    change(at, of_a_chunk);
    at = (at + of_a_chunk) % (kKeys - of_a_chunk);
    REQUIRE(carry.chunk(kBytes));
  }
  CAPTURE(chunks);
  const std::uint64_t before = carry.entries();
  REQUIRE(carry.finish());
  // Twelve rounds of all keys would be its end otherwise.
  CHECK(carry.entries() - before < kKeys / 4);
}

TEST_CASE("carry over: in bites, beside events, as all at once") {
  Seen seen;
  const std::size_t cases =
      for_all_seeds("ENGINE_STATE", 300, [&](Random& random) { try_one(random, seen); });
  MESSAGE(seen.carried << " carried, " << seen.in_rounds << " in several rounds, "
                       << seen.over_programs << " to other rules, " << seen.alerting
                       << " with alerts");
  if (cases >= 50) {
    CHECK(seen.in_rounds * 4 > cases);
    CHECK(seen.over_programs * 5 > cases);
    CHECK(seen.alerting * 5 > cases);
  }
}

// Two features over the same events, of two tables that are one in the other program: between two
// rounds the one is of a later cut than the other.
TEST_CASE("carry over: tables that become one come one after the other") {
  Random random(5'000'049);
  Seen seen;
  try_one(random, seen);
  CHECK(seen.over_programs == 1);
  CHECK(seen.in_rounds == 1);
}
}  // namespace tocsin::tests

#include "tests/support/engine_snapshot.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "cep/value/key.h"
#include "tests/support/engine_run.h"

namespace tocsin::tests {
namespace {
constexpr std::uint32_t kShards = 64;
constexpr std::uint32_t kGroupsOfShard = cep::kKeyGroupCount / kShards;
}  // namespace

void EntryMapSink::see(const cep::StateKey& key) {
  REQUIRE(cep::key_group(key.key) == key.group);
  REQUIRE(key.group.value / kGroupsOfShard == shards_done_);
  REQUIRE(seen_.emplace(std::tuple(key.table, key.group.value, std::string(key.key)), true).second);
}
void EntryMapSink::put(const cep::StateKey& key, std::string_view value) {
  see(key);
  map_[{key.table, key.group.value, std::string(key.key)}] = value;
  ++puts_;
}
void EntryMapSink::remove(const cep::StateKey& key) {
  see(key);
  map_.erase({key.table, key.group.value, std::string(key.key)});
  ++removes_;
}
void EntryMapSink::shard_done(std::uint32_t shard) {
  REQUIRE(shard == shards_done_);
  ++shards_done_;
}

void take_snapshot(cep::Engine& engine, Snapshot& snapshot) {
  snapshot.globals = engine.begin_snapshot();
  EntryMapSink sink(snapshot.entries);
  REQUIRE(engine.write_snapshot(sink, SIZE_MAX));
}

Snapshot whole_snapshot(cep::Engine& engine) {
  Snapshot snapshot;
  engine.mark_all_changed();
  take_snapshot(engine, snapshot);
  return snapshot;
}

Result<cep::Engine> restored_engine(const cep::Program& program, std::uint64_t hash_seed,
                                    const Snapshot& snapshot, cep::RestoreReport* report,
                                    cep::Workers* workers) {
  cep::Engine engine(program, hash_seed, workers);
  engine.track_changes();
  const Result<cep::RestoreReport> begun = engine.begin_restore(snapshot.globals);
  if (!begun) return tl::unexpected(begun.error());
  if (report != nullptr) *report = *begun;
  for (const auto& [place, value] : snapshot.entries) {
    const auto& [table, group, key] = place;
    const Result<void> restored = engine.restore({table, cep::KeyGroup{group}, key}, value);
    if (!restored) return tl::unexpected(restored.error());
  }
  const Result<void> finished = engine.finish_restore();
  if (!finished) return tl::unexpected(finished.error());
  return engine;
}

RestoredRun run_restored(const cep::Program& program,
                         const std::vector<oracle::PlacedEvent>& events, Random& random) {
  const std::vector<EngineStep> steps =
      steps_of(events, cep::kEventTimeMax, {1 + random.below(3), 7, false});
  const std::size_t restored_at = random.below(steps.size() + 1);
  std::optional<cep::Engine> engine(std::in_place, program, 7);
  engine->track_changes();
  RestoredRun run;
  const auto count_keys = [&] {
    run.made_busy += engine->stats().keys_made_busy;
    run.left_as_runs += engine->stats().keys_left_as_runs;
  };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i == restored_at) {
      const Snapshot snapshot = whole_snapshot(*engine);
      count_keys();
      Result<cep::Engine> again = restored_engine(program, 8, snapshot);
      REQUIRE(again.has_value());
      CHECK(again->stats().runs == engine->stats().runs);
      engine.emplace(std::move(*again));
      CHECK(whole_snapshot(*engine) == snapshot);
    }
    take_step(program, *engine, events, steps[i], run.alerts);
  }
  count_keys();
  run.cut = fmt::format("restored at {} of {}", restored_at, steps.size());
  return run;
}
}  // namespace tocsin::tests

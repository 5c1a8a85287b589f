#include "tests/support/engine_snapshot.h"

#include <doctest/doctest.h>

#include "cep/value/key.h"

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
                                    const Snapshot& snapshot, cep::RestoreReport* report) {
  cep::Engine engine(program, hash_seed);
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
}  // namespace tocsin::tests

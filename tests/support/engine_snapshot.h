/// A store as a map, for the engine's snapshots, and an engine made of one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "cep/data/alert.h"
#include "cep/data/state_entry.h"
#include "cep/engine/engine.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// By table, group and key.
using EntryMap = std::map<std::tuple<std::uint16_t, std::uint32_t, std::string>, std::string>;

/// Applies a cut's changes to a map; asserts what a sink may count on.
class EntryMapSink : public cep::StateSink {
 public:
  explicit EntryMapSink(EntryMap& map) : map_(map) {}
  void put(const cep::StateKey& key, std::string_view value) override;
  void remove(const cep::StateKey& key) override;
  void shard_done(std::uint32_t shard) override;
  std::size_t puts() const { return puts_; }
  std::size_t removes() const { return removes_; }

 private:
  void see(const cep::StateKey& key);

  EntryMap& map_;
  std::map<std::tuple<std::uint16_t, std::uint32_t, std::string>, bool> seen_;
  std::uint32_t shards_done_ = 0;
  std::size_t puts_ = 0;
  std::size_t removes_ = 0;
};

/// Globals and entries: an engine's whole state.
struct Snapshot {
  std::string globals;
  EntryMap entries;
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};
/// Begins a cut and writes all of it.
void take_snapshot(cep::Engine& engine, Snapshot& snapshot);
/// All that the engine has, whatever was written before.
Snapshot whole_snapshot(cep::Engine& engine);
/// A fresh engine of the program that goes on from the snapshot; it tracks changes. The error says
/// where restoring stopped.
Result<cep::Engine> restored_engine(const cep::Program& program, std::uint64_t hash_seed,
                                    const Snapshot& snapshot, cep::RestoreReport* report = nullptr,
                                    cep::Workers* workers = nullptr);

struct RestoredRun {
  std::vector<cep::Alert> alerts;
  std::uint64_t made_busy = 0;  // keys, of both engines
  std::uint64_t left_as_runs = 0;
  std::string cut;  // for people
};
/// The program over events in their places, in small slices. Before a random one of them the engine
/// is replaced by one restored from its snapshot, which has the same snapshot and as many partial
/// matches; this is checked.
RestoredRun run_restored(const cep::Program& program,
                         const std::vector<oracle::PlacedEvent>& events, Random& random);
}  // namespace tocsin::tests

/// What one table remembers: its keys, by shard. Shards do not know each other.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "cep/aggregate/feature_window.h"
#include "cep/base/sparse_array.h"
#include "cep/compile/program.h"
#include "cep/engine/state_record.h"
#include "cep/record/budget.h"
#include "cep/record/key_table.h"
#include "cep/record/pattern_state.h"
#include "cep/record/state_cut.h"
#include "cep/record/timers.h"
#include "cep/value/shard.h"

namespace tocsin::cep {
/// The slots of keys that have changed since the last cut are marked, and those of the cut that are
/// not written yet, which TableState::write_cut() finds by going through the slots. A key that has
/// gone keeps its slot until its entry was removed.
struct ShardChanges {
  bool any_changed = false;
  bool any_pending = false;
  // Where write_cut() is: the slots of a group before `place` are done, unless they have moved.
  std::uint32_t group = 0;
  std::uint32_t place = 0;
  std::uint64_t generation = 0;
  EarlyEntries early;
};

/// When sweep() looks at the keys of a group.
struct GroupSweep {
  std::int64_t next_tick = INT64_MIN;
  std::int64_t round = INT64_MIN;  // in which it was last looked at for dead state of live records
};

struct TableShard {
  explicit TableShard(std::uint64_t seed) : windows(seed) {}
  KeyShard keys;
  WindowPool windows;
  std::vector<ShardTimers> timers;  // by pass
  PatternPool patterns;
  SparseArray<GroupCredit> credits;
  BudgetTallies tallies;
  ShardChanges changes;
  std::array<GroupSweep, kGroupsOfShard> sweeps;
  std::int64_t next_sweep = INT64_MIN;  // the first tick of these
  std::int64_t tidied = INT64_MIN;      // the tick in which it was last asked what is free
  std::vector<RestoredTimer> restored;
};

class TableShards {
 public:
  static constexpr std::int64_t kTicksOfLongest = 64;

  TableShards(const ProgramImpl& program, const TableProgram& table, std::uint64_t hash_seed);
  TableShard& operator[](std::uint32_t shard) { return *shards_[shard]; }
  const TableShard& operator[](std::uint32_t shard) const { return *shards_[shard]; }
  auto begin() const { return shards_.begin(); }
  auto end() const { return shards_.end(); }

  /// By pass, then shard: when its first timer falls due, so that most shards are skipped.
  std::vector<std::array<std::int64_t, kShardCount>> next_due;
  bool has_timers(std::uint32_t pass) const { return has_timers_[pass]; }
  /// By op - 1: its timers' queue.
  const std::vector<std::uint32_t>& queue_of_op() const { return queue_of_op_; }
  /// A 64th of the table's longest window, by which slots know when their key was touched.
  std::int64_t tick_us() const { return tick_us_; }
  std::int64_t tick_of(std::int64_t us) const;

  bool tracks = false;  // which keys change
  std::uint16_t changed_mark = 1;
  std::uint16_t pending_mark = 2;

 private:
  std::vector<std::unique_ptr<TableShard>> shards_;
  std::vector<bool> has_timers_;  // by pass
  std::vector<std::uint32_t> queue_of_op_;
  std::int64_t tick_us_;
};
}  // namespace tocsin::cep

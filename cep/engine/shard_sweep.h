/// Removes dead state from the keys of a table's shards, one group of keys at a time.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/table_lane.h"
#include "cep/engine/table_shards.h"

namespace tocsin::cep {
/// Works with a lane, and on a shard at a time: several may work at the same time, each with its
/// own lane on shards of its own.
class ShardSweep {
 public:
  /// All must outlive it.
  ShardSweep(const ProgramImpl& program, const TableProgram& table, TableShards& shards,
             TableLane& lane)
      : program_(program), table_(table), shards_(shards), lane_(lane) {}
  /// Those groups of the shard, from `begin` to before `end`, of which many keys may have died. A
  /// shard without keys lets go of what else it holds.
  void groups(TableShard& shard, std::uint32_t begin, std::uint32_t end, std::int64_t now_us);

 private:
  static constexpr std::int64_t kTicksOfLongest = TableShards::kTicksOfLongest;
  static constexpr std::int64_t kGone = INT64_MAX;
  void look_at_groups(TableShard& shard, std::uint32_t begin, std::uint32_t end,
                      std::int64_t now_us);
  std::int64_t sweep_group(TableShard& shard, std::uint32_t group, std::int64_t now_us,
                           bool is_new_round);
  std::int64_t look_at_key(TableShard& shard, std::uint64_t hash, std::int64_t now_us);

  const ProgramImpl& program_;
  const TableProgram& table_;
  TableShards& shards_;
  TableLane& lane_;
  std::vector<std::uint64_t> keys_;  // hashes, of sweep_group()
  // Of the group's keys: how many are no longer known to be alive in so many ticks.
  std::array<std::uint32_t, kTicksOfLongest + 1> dying_{};
};
/// Rounds down, also where `a` is negative.
std::int64_t floor_divide(std::int64_t a, std::int64_t b);
}  // namespace tocsin::cep

/// The tables of one pass, and their state as entries of a stage.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/state_targets.h"
#include "cep/engine/table_state.h"
#include "cep/record/budget.h"
#include "cep/record/engine_stats.h"
#include "cep/record/state_cut.h"
#include "cep/stage/stage_state.h"
#include "cep/value/group_range.h"

namespace tocsin::cep {
class StageTables {
 public:
  StageTables(const ProgramImpl& program, std::uint32_t pass, KeyGroupRange own,
              std::uint64_t hash_seed, EngineStats& stats, BudgetLog& budgets);
  const std::vector<std::unique_ptr<TableState>>& all() const { return tables_; }
  /// Their numbers in the program, in the order of all().
  const std::vector<std::uint32_t>& numbers() const { return numbers_; }

  void track_changes();
  void begin_cut();
  /// Gives the cut's next entries; true when there are no more.
  bool write_cut(StageSink& sink, Chunk& chunk);
  void mark_all_changed();
  /// False for bytes that are none of the written table's. `key` has its number and group.
  bool restore(const StateTargets& targets, const StateKey& key, std::string_view value,
               EventTime watermark);
  void settle_restored();

 private:
  std::vector<std::unique_ptr<TableState>> tables_;
  std::vector<std::uint32_t> numbers_;
  std::uint32_t shard_ = 0;  // that the cut is at
  std::size_t table_ = 0;
};
}  // namespace tocsin::cep

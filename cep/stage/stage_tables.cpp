#include "cep/stage/stage_tables.h"

#include <algorithm>

#include "cep/stage/row_groups.h"

namespace tocsin::cep {
StageTables::StageTables(const ProgramImpl& program, std::uint32_t pass, KeyGroupRange own,
                         std::uint64_t hash_seed, EngineStats& stats, BudgetLog& budgets) {
  for (std::uint32_t t = 0; t < program.tables.size(); ++t) {
    if (pass_of(program.tables[t]) != pass) continue;
    tables_.push_back(std::make_unique<TableState>(program, t, hash_seed, stats, budgets, nullptr));
    tables_.back()->own(own);
    numbers_.push_back(t);
  }
}

void StageTables::track_changes() {
  for (const auto& table : tables_) table->track_changes();
}

void StageTables::begin_cut() {
  for (const auto& table : tables_) table->begin_cut();
  shard_ = 0;
  table_ = 0;
}

bool StageTables::write_cut(StageSink& sink, Chunk& chunk) {
  KeyEntries to(sink);
  for (; shard_ < kShardCount; ++shard_) {
    for (; table_ < tables_.size(); ++table_) {
      const auto number = static_cast<std::uint16_t>(numbers_[table_]);
      if (!tables_[table_]->write_cut(number, shard_, to, chunk)) return false;
    }
    table_ = 0;
  }
  return true;
}

void StageTables::mark_all_changed() {
  for (const auto& table : tables_) table->mark_all_changed();
}

bool StageTables::restore(const StateTargets& targets, const StateKey& key, std::string_view value,
                          EventTime watermark) {
  if (key_group(key.key) != key.group || key.table >= targets.tables.size()) return false;
  for (const auto& [table, target] : targets.tables[key.table]) {
    const auto at = std::ranges::find(numbers_, table);
    if (at == numbers_.end()) continue;
    TableState& to = *tables_[static_cast<std::size_t>(at - numbers_.begin())];
    if (!to.restore(target, key.key, value, watermark)) return false;
  }
  return true;
}

void StageTables::settle_restored() {
  for (const auto& table : tables_) {
    for (std::uint32_t shard = 0; shard < kShardCount; ++shard) table->settle_restored(shard);
  }
}
}  // namespace tocsin::cep

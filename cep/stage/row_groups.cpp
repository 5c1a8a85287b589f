#include "cep/stage/row_groups.h"

#include <algorithm>

#include "cep/record/key_table.h"

namespace tocsin::cep {
std::uint32_t pass_of(const TableProgram& table) { return table.operators.front().pass; }

RowGroups::RowGroups(const ProgramImpl& program, const std::vector<std::uint32_t>& tables,
                     std::uint64_t hash_seed) {
  for (const std::uint32_t table : tables) {
    tables_.push_back({table, pass_of(program.tables[table]),
                       std::make_unique<SliceKeys>(program, table, hash_seed, stats_, nullptr)});
  }
}

void RowGroups::find(Slice& slice) {
  touches_.clear();
  for (const Table& table : tables_) {
    table.keys->resolve(table.pass, slice);
    for (std::uint32_t i = 0; i < table.keys->size(); ++i) {
      const SliceKeys::Touch& touch = table.keys->touch(i);
      touches_.push_back({touch.row, table.number, group_of_hash(touch.hash)});
    }
  }
  std::ranges::sort(touches_);
  touches_.erase(std::unique(touches_.begin(), touches_.end()), touches_.end());
  const std::size_t rows = slice.batch().rows.size();
  begin_.assign(rows + 1, 0);
  for (const Touch& touch : touches_) ++begin_[touch.row + std::size_t{1}];
  for (std::size_t row = 0; row < rows; ++row) begin_[row + 1] += begin_[row];
}
}  // namespace tocsin::cep

/// Which key groups of which tables the rows of a slice are for.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/slice_keys.h"
#include "cep/eval/slice.h"
#include "cep/record/engine_stats.h"
#include "cep/value/key.h"

namespace tocsin::cep {
/// The pass of a program's table; requires a program by pass (compile_by_pass()).
std::uint32_t pass_of(const TableProgram& table);

class RowGroups {
 public:
  struct Touch {
    std::uint32_t row = 0;
    std::uint32_t table = 0;
    KeyGroup group;
    friend auto operator<=>(const Touch&, const Touch&) = default;
  };
  /// Of these tables alone.
  RowGroups(const ProgramImpl& program, const std::vector<std::uint32_t>& tables,
            std::uint64_t hash_seed);
  /// Finds them for the rows of a slice that has begun.
  void find(Slice& slice);
  /// Of one row, ascending by table and group, each once; valid until the next find().
  std::span<const Touch> of(std::uint32_t row) const {
    return std::span(touches_).subspan(begin_[row], begin_[row + 1] - begin_[row]);
  }

 private:
  struct Table {
    std::uint32_t number = 0;
    std::uint32_t pass = 0;
    std::unique_ptr<SliceKeys> keys;
  };
  EngineStats stats_;  // of nobody
  std::vector<Table> tables_;
  std::vector<Touch> touches_;
  std::vector<std::size_t> begin_;
};
}  // namespace tocsin::cep

/// What is erased of a table's state: all of a key, whatever its rules and features still wait for.
#pragma once
#include <cstdint>
#include <string_view>

#include "cep/engine/key_report.h"
#include "cep/engine/table_state.h"

namespace tocsin::cep {
/// Between two slices.
class TableErasure {
 public:
  explicit TableErasure(TableState& table) : table_(table) {}
  /// Erases all keys that have this part, which is of the table; how many.
  std::uint64_t erase(const KeyPartQuery& part);

 private:
  bool erase_key(TableShard& shard, std::string_view key);

  TableState& table_;
};
}  // namespace tocsin::cep

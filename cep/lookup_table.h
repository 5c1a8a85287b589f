/// A table of the plan, found by key in constant time.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>

#include "cep/plan.h"

namespace tocsin::cep {
class LookupTable {
 public:
  /// The table outlives this.
  explicit LookupTable(const Table& table);
  /// The row of a key, none of whose parts is missing; null where there is none. Words of enums are
  /// looked for as text.
  const TableRow* find(std::span<const Value> key) const;

 private:
  const Table* table_;
  std::unordered_map<std::string, std::uint32_t> rows_;  // by key bytes
};
}  // namespace tocsin::cep

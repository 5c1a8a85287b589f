/// A table of the plan, found by key in constant time, and changed while an engine runs.
#pragma once
#include <span>
#include <string>

#include "cep/data/entry_set.h"
#include "cep/plan/reference.h"

namespace tocsin::cep {
class LookupTable {
 public:
  /// The table outlives this and its copies.
  explicit LookupTable(const Table& table);
  /// The row of a key, none of whose parts is missing, that holds at engine time `at`; null where
  /// there is none. Words of enums are looked for as text, a network by an address (of several
  /// that have it the one with the longest prefix whose row holds).
  const TableRow* find(std::span<const Value> key, EventTime at) const;
  const Table& table() const { return *table_; }
  EntrySet& rows() { return rows_; }
  const EntrySet& rows() const { return rows_; }
  /// The type of a key part as rules declare it: "string", "network".
  std::string key_type_name(std::size_t part) const;
  /// The key by which a row is found.
  static std::string key_of(const Table& table, const TableRow& row);

 private:
  const Table* table_;
  EntrySet rows_;
};
}  // namespace tocsin::cep

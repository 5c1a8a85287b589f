#include "cep/lookup_table.h"

#include <memory>
#include <utility>
#include <vector>

#include "cep/key.h"

namespace tocsin::cep {
namespace {
// Rows of the plan, which nobody here owns.
std::vector<Entry> declared_rows(const Table& table) {
  std::vector<Entry> rows;
  rows.reserve(table.rows.size());
  for (const TableRow& row : table.rows) {
    rows.push_back({LookupTable::key_of(row), kEventTimeMax,
                    std::shared_ptr<const TableRow>(std::shared_ptr<void>(), &row)});
  }
  return rows;
}
}  // namespace

LookupTable::LookupTable(const Table& table) : table_(&table), rows_(declared_rows(table)) {}

const TableRow* LookupTable::find(std::span<const Value> key, EventTime at) const {
  return rows_.row(key_of(key), at);
}

std::string LookupTable::key_of(std::span<const Value> parts) {
  const auto plain = [](const Value& value) {
    return value.kind == ValueKind::kEnum ? Value::string(value.text) : value;
  };
  std::string bytes;
  if (parts.size() == 1) {
    append_key_part(bytes, plain(parts.front()));
    return bytes;
  }
  std::vector<Value> all;
  all.reserve(parts.size());
  for (const Value& value : parts) all.push_back(plain(value));
  return key_bytes(all);
}

std::string LookupTable::key_of(const TableRow& row) {
  std::vector<Value> parts;
  parts.reserve(row.key.size());
  for (const OwnedValue& part : row.key) parts.push_back(part.view());
  return key_of(parts);
}
}  // namespace tocsin::cep

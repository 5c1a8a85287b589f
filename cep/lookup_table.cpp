#include "cep/lookup_table.h"

#include <vector>

#include "cep/key.h"

namespace tocsin::cep {
namespace {
std::string bytes_of(std::span<const Value> key) {
  const auto plain = [](const Value& value) {
    return value.kind == ValueKind::kEnum ? Value::string(value.text) : value;
  };
  std::string bytes;
  if (key.size() == 1) {
    append_key_part(bytes, plain(key.front()));
    return bytes;
  }
  std::vector<Value> parts;
  for (const Value& value : key) parts.push_back(plain(value));
  return key_bytes(parts);
}
}  // namespace

LookupTable::LookupTable(const Table& table) : table_(&table) {
  rows_.reserve(table.rows.size());
  std::vector<Value> key;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    key.clear();
    for (const OwnedValue& part : table.rows[i].key) key.push_back(part.view());
    rows_.emplace(bytes_of(key), static_cast<std::uint32_t>(i));
  }
}

const TableRow* LookupTable::find(std::span<const Value> key) const {
  const auto found = rows_.find(bytes_of(key));
  return found == rows_.end() ? nullptr : &table_->rows[found->second];
}
}  // namespace tocsin::cep

#include "cep/data/lookup_table.h"

#include <memory>
#include <vector>

#include "cep/base/assert.h"
#include "cep/data/network_key.h"
#include "cep/value/ip_address.h"
#include "cep/value/key.h"

namespace tocsin::cep {
namespace {
// Rows of the plan, which nobody here owns.
std::vector<Entry> declared_rows(const Table& table) {
  std::vector<Entry> rows;
  rows.reserve(table.rows.size());
  for (const TableRow& row : table.rows) {
    rows.push_back({LookupTable::key_of(table, row), kEventTimeMax,
                    std::shared_ptr<const TableRow>(std::shared_ptr<void>(), &row)});
  }
  return rows;
}

std::string bytes_of(std::span<const Value> parts) {
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

// The bytes of all parts but the network, which come before it.
std::string bytes_without(std::span<const Value> parts, std::size_t network) {
  if (parts.size() == 1) return {};
  std::vector<Value> others(parts.begin(), parts.end());
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(network));
  return bytes_of(others);
}
}  // namespace

LookupTable::LookupTable(const Table& table) : table_(&table), rows_(declared_rows(table)) {}

const TableRow* LookupTable::find(std::span<const Value> key, EventTime at) const {
  if (!table_->network_key) return rows_.row(bytes_of(key), at);
  const std::optional<IpAddress> address = parse_ip_address(key[*table_->network_key].text);
  if (!address) return nullptr;
  const TableRow* found = nullptr;
  find_network(rows_, bytes_without(key, *table_->network_key), *address,
               [&](std::string_view bytes) {
                 found = rows_.row(bytes, at);
                 return found != nullptr;
               });
  return found;
}

std::string LookupTable::key_type_name(std::size_t part) const {
  return table_->network_key == part ? "network" : type_name(table_->key_types[part]);
}

std::string LookupTable::key_of(const Table& table, const TableRow& row) {
  std::vector<Value> parts;
  parts.reserve(row.key.size());
  for (const OwnedValue& part : row.key) parts.push_back(part.view());
  if (!table.network_key) return bytes_of(parts);
  std::string bytes = bytes_without(parts, *table.network_key);
  const auto network = read_network(parts[*table.network_key].text);
  TOCSIN_ASSERT(network, "whoever made the row has seen to it");
  append_network_key(bytes, *network);
  return bytes;
}
}  // namespace tocsin::cep

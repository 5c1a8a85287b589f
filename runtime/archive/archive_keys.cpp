#include "runtime/archive/archive_keys.h"

#include <algorithm>
#include <set>

#include "cep/compile/program.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/value/key.h"

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

namespace tocsin::runtime {
std::uint64_t key_digest(std::string_view key_bytes) {
  return XXH3_64bits(key_bytes.data(), key_bytes.size());
}

ArchiveKeys::ArchiveKeys(const cep::Program& program) : program_(program) {
  const std::vector<cep::EventType>& types = program.plan().event_types;
  keys_.resize(types.size());
  std::set<std::string> names;
  for (std::size_t t = 0; t < types.size(); ++t) {
    used_fields_.emplace_back(types[t].fields.size());
    used_types_.push_back(!types[t].is_alert());
    if (types[t].is_alert()) continue;
    std::set<Fields> keys;
    for (const cep::TableProgram& table : program.impl().tables) {
      for (const cep::KeySource& source : table.sources) {
        if (source.by_type.empty() || !source.by_type[t].complete) continue;
        if (!source.by_type[t].fields.empty()) keys.insert(source.by_type[t].fields);
      }
    }
    for (const Fields& key : keys) {
      for (const cep::FieldIndex field : key) used_fields_[t][field.value] = true;
      names.insert(name_of(t, key));
    }
    keys_[t].assign(keys.begin(), keys.end());
  }
  names_.assign(names.begin(), names.end());
}

std::string ArchiveKeys::name_of(std::size_t type, const Fields& key) const {
  const std::vector<cep::Field>& fields = program_.plan().event_types[type].fields;
  std::string name;
  for (const cep::FieldIndex field : key) {
    name += (name.empty() ? "" : ", ") + fields[field.value].name;
  }
  return name;
}

std::vector<std::string> ArchiveKeys::names_of(std::uint32_t table) const {
  std::set<std::string> names;
  for (const cep::KeySource& source : program_.impl().tables[table].sources) {
    for (std::size_t t = 0; t < source.by_type.size(); ++t) {
      if (source.by_type[t].complete) names.insert(name_of(t, source.by_type[t].fields));
    }
  }
  return {names.begin(), names.end()};
}

bool ArchiveKeys::write_key(const cep::Batch& batch, const cep::Row& row, const Fields& key) {
  const std::vector<cep::Field>& fields = program_.plan().event_types[row.type.value].fields;
  const std::vector<cep::Column>& columns = batch.types[row.type.value].fields;
  parts_.clear();
  for (const cep::FieldIndex field : key) {
    parts_.push_back(cep::column_value(fields[field.value].type, columns[field.value], row.index));
    if (parts_.back().is_missing()) return false;
  }
  bytes_.clear();
  cep::append_key(bytes_, parts_);
  return true;
}

void ArchiveKeys::append_digests(const cep::Batch& batch, const cep::Row& row,
                                 std::vector<std::uint64_t>& to) {
  for (const Fields& key : keys_[row.type.value]) {
    if (write_key(batch, row, key)) to.push_back(key_digest(bytes_));
  }
}

bool ArchiveKeys::has(const cep::Batch& batch, const cep::Row& row, std::uint32_t table,
                      std::string_view key_bytes) {
  const std::vector<cep::KeySource>& sources = program_.impl().tables[table].sources;
  return std::ranges::any_of(sources, [&](const cep::KeySource& source) {
    if (source.by_type.empty() || !source.by_type[row.type.value].complete) return false;
    return write_key(batch, row, source.by_type[row.type.value].fields) && bytes_ == key_bytes;
  });
}
}  // namespace tocsin::runtime

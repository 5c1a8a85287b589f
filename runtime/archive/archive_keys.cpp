#include "runtime/archive/archive_keys.h"

#include <algorithm>
#include <set>

#include "cep/base/byte_codec.h"
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

std::uint64_t digest_of(const std::vector<EventReading>& readings) {
  std::string all;
  ByteWriter to(all);
  for (const EventReading& reading : readings) to.text(reading.text);
  return XXH3_64bits(all.data(), all.size());
}

bool EventReading::is_of_type(std::string_view text, std::string_view type) {
  ByteReader from(text);
  return from.text() == type && from.ok();
}

ArchiveKeys::ArchiveKeys(const cep::Program& program) : program_(program) {
  const std::vector<cep::EventType>& types = program.plan().event_types;
  keys_.resize(types.size());
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
    }
    keys_[t].assign(keys.begin(), keys.end());
  }
}

// Everything that says which bytes of a line become which value.
EventReading ArchiveKeys::reading_of(std::size_t type, std::string_view what,
                                     const Fields& fields) const {
  const cep::EventType& of = program_.plan().event_types[type];
  EventReading reading;
  reading.type = of.json_type;
  ByteWriter to(reading.text);
  to.text(of.json_type);
  to.text(what);
  for (const cep::FieldIndex index : fields) {
    const cep::Field& field = of.fields[index.value];
    to.varint(field.path.size());
    for (const std::string& name : field.path) to.text(name);
    to.text(cep::type_name(field.type));
    to.u8(static_cast<std::uint8_t>(field.unit));
    to.u8(field.any_year ? 1 : 0);
  }
  return reading;
}

std::vector<EventReading> ArchiveKeys::time_readings() const {
  const std::vector<cep::EventType>& types = program_.plan().event_types;
  std::set<EventReading> readings;
  for (std::size_t t = 0; t < types.size(); ++t) {
    if (used_types_[t]) readings.insert(reading_of(t, "time", {types[t].time_field}));
  }
  return {readings.begin(), readings.end()};
}

std::vector<EventReading> ArchiveKeys::key_readings(std::uint32_t table) const {
  std::set<EventReading> readings;
  for (const cep::KeySource& source : program_.impl().tables[table].sources) {
    for (std::size_t t = 0; t < source.by_type.size(); ++t) {
      if (!used_types_[t] || !source.by_type[t].complete) continue;
      readings.insert(reading_of(t, "key", source.by_type[t].fields));
    }
  }
  return {readings.begin(), readings.end()};
}

std::vector<EventReading> ArchiveKeys::readings() const {
  std::vector<EventReading> readings = time_readings();
  for (std::size_t t = 0; t < keys_.size(); ++t) {
    for (const Fields& key : keys_[t]) readings.push_back(reading_of(t, "key", key));
  }
  std::ranges::sort(readings, {}, &EventReading::text);
  return readings;
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

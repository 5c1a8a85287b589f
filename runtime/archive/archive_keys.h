/// Which keys an event has by the rules that hold: what the archive finds it by.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/index.h"
#include "cep/compile/compile.h"
#include "cep/data/batch.h"

namespace tocsin::runtime {
/// The digest of key bytes (cep/value/key.h): XXH3-64, seed 0, of which their key group is a part.
std::uint64_t key_digest(std::string_view key_bytes);

/// Keys that are fields of an event; those that rules compute are not among them. Threading: one
/// caller at a time.
class ArchiveKeys {
 public:
  explicit ArchiveKeys(const cep::Program& program);
  /// "card", "card, merchant", each once, sorted.
  const std::vector<std::string>& names() const { return names_; }
  /// What a decoder must read: the fields of keys, of every type of event.
  const std::vector<std::vector<bool>>& used_fields() const { return used_fields_; }
  const std::vector<bool>& used_types() const { return used_types_; }
  /// Appends the digests of the row's keys, of which no part is missing.
  void append_digests(const cep::Batch& batch, const cep::Row& row, std::vector<std::uint64_t>& to);
  /// What a table's key (cep::KeyQuery) is called by each type of event that has it.
  std::vector<std::string> names_of(std::uint32_t table) const;
  /// Whether the row has this key of the table.
  bool has(const cep::Batch& batch, const cep::Row& row, std::uint32_t table,
           std::string_view key_bytes);

 private:
  using Fields = std::vector<cep::FieldIndex>;
  // Writes the row's key to bytes_; false where a part is missing.
  bool write_key(const cep::Batch& batch, const cep::Row& row, const Fields& key);
  std::string name_of(std::size_t type, const Fields& key) const;
  cep::Program program_;
  std::vector<std::string> names_;
  std::vector<std::vector<Fields>> keys_;  // by event type, each key once
  std::vector<std::vector<bool>> used_fields_;
  std::vector<bool> used_types_;
  std::vector<cep::Value> parts_;
  std::string bytes_;
};
}  // namespace tocsin::runtime

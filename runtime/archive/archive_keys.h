/// Which keys an event has by the rules that hold: what the archive finds it by.
#pragma once
#include <compare>
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

/// How the time or a key of one type's events is found in their lines. Where two are equal, what
/// was found by one is what the other finds.
struct EventReading {
  std::string type;  // as lines have it
  std::string text;
  friend auto operator<=>(const EventReading&, const EventReading&) = default;
  /// Whether a text is of this type.
  static bool is_of_type(std::string_view text, std::string_view type);
};

/// A digest of readings.
std::uint64_t digest_of(const std::vector<EventReading>& readings);

/// Keys that are fields of an event; those that rules compute are not among them. Threading: one
/// caller at a time.
class ArchiveKeys {
 public:
  explicit ArchiveKeys(const cep::Program& program);
  /// Of all types and keys, sorted.
  std::vector<EventReading> readings() const;
  /// Of the times of all types, and of a table's keys (cep::KeyQuery), sorted.
  std::vector<EventReading> time_readings() const;
  std::vector<EventReading> key_readings(std::uint32_t table) const;
  /// What a decoder must read: the fields of keys, of every type of event.
  const std::vector<std::vector<bool>>& used_fields() const { return used_fields_; }
  const std::vector<bool>& used_types() const { return used_types_; }
  /// Appends the digests of the row's keys, of which no part is missing.
  void append_digests(const cep::Batch& batch, const cep::Row& row, std::vector<std::uint64_t>& to);
  /// Whether the row has this key of the table.
  bool has(const cep::Batch& batch, const cep::Row& row, std::uint32_t table,
           std::string_view key_bytes);

 private:
  using Fields = std::vector<cep::FieldIndex>;
  // Writes the row's key to bytes_; false where a part is missing.
  bool write_key(const cep::Batch& batch, const cep::Row& row, const Fields& key);
  EventReading reading_of(std::size_t type, std::string_view what, const Fields& fields) const;
  cep::Program program_;
  std::vector<std::vector<Fields>> keys_;  // by event type, each key once
  std::vector<std::vector<bool>> used_fields_;
  std::vector<bool> used_types_;
  std::vector<cep::Value> parts_;
  std::string bytes_;
};
}  // namespace tocsin::runtime

/// Declared fields of rows that came by column and so have no line.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/data/batch.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/value.h"

namespace tocsin::runtime {
/// All declared fields of rows, by event type, in the order of the type's rows in the batch. It
/// lives as long as the batch (cep::Batch::declared).
struct DeclaredColumns {
  std::vector<cep::TypeColumns> types;  // their texts are those of the batch
};

/// What stands in cep::Row::raw in place of a line: a text that no line of an event is, since those
/// begin with a bracket. Either names a row of columns, or has all values itself and outlives them.
class RowReference {
 public:
  static constexpr std::size_t kBytes = 1 + sizeof(std::uintptr_t) + sizeof(std::uint32_t);
  /// Writes the reference to `index` of its type's rows to kBytes bytes.
  static void write(char* to, const DeclaredColumns& columns, std::uint32_t index);
  /// Whether a row's raw text is no line.
  static bool is_one(std::string_view raw) {
    return !raw.empty() && (raw.front() == kInColumns || raw.front() == kPacked);
  }
  /// The row's values, where raw is no line; computed fields are missing. Texts are borrowed from
  /// what it refers to.
  static std::vector<cep::Value> values(const cep::Plan& plan, const cep::Row& row);
  /// A copy of the raw text that does not refer to columns: itself, or one with all values.
  static std::string packed(const cep::Plan& plan, const cep::Row& row);

 private:
  static constexpr char kInColumns = '\x01';
  static constexpr char kPacked = '\x02';
};
}  // namespace tocsin::runtime

/// The values of one declared field from one column of a record batch.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cep/base/index.h"
#include "cep/base/result.h"
#include "cep/data/batch.h"
#include "cep/plan/event_type.h"
#include "runtime/arrow/arrow_column.h"
#include "runtime/decode/field_value.h"

namespace tocsin::runtime {
/// An enum's words and their ordinals.
using ArrowWords = std::unordered_map<std::string_view, std::int64_t>;
/// A declared field, and where a record batch has it. All is borrowed.
struct ArrowField {
  const cep::Field* field = nullptr;
  cep::FieldIndex index;
  const ArrowColumn* column = nullptr;     // null: there is none, and all values are missing
  std::vector<const ArrowColumn*> around;  // the structs that it is in, outermost first
  std::string_view constant = {};          // instead of a column: the text of every row
  const ArrowWords* words = nullptr;       // of an enum
  bool is_utf8 = true;                     // all texts are
};
/// What is wrong with a row's value.
struct ArrowProblem {
  std::size_t place = 0;  // into the rows that were asked for
  FieldFault fault = FieldFault::kAbsent;
  std::string token;  // as the row's JSON line would have it
};

/// Whether values of the column's type can be values of the field. The error names the column, both
/// types and the remedy.
Result<void> check_arrow_type(std::string_view event_type, const cep::Field& field,
                              std::string_view column_name, const ArrowColumn& column);
/// Sets the column to the values of these rows, texts copied to `texts`: each as the field of the
/// row's JSON line (arrow_text.h) would be read. Appends what is wrong, in the order of rows.
void read_arrow_field(const ArrowField& from, std::span<const std::int64_t> rows, cep::Column& to,
                      cep::TextArena& texts, std::vector<ArrowProblem>& problems);
/// The row's entry that has the field's value; nothing for a missing one.
std::optional<ArrowEntry> arrow_entry_of(const ArrowField& from, std::int64_t row);
}  // namespace tocsin::runtime

/// Rows of a record batch as the JSON lines that say the same.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/plan/event_type.h"
#include "runtime/arrow/arrow_column.h"

namespace tocsin::runtime {
/// What declared fields are read from a column: a number of a duration counts in the field's unit.
struct ArrowFieldOfColumn {
  const ArrowColumn* column = nullptr;
  const cep::Field* field = nullptr;
};
/// Appends the value of a valid entry as a JSON token; times as RFC 3339 in UTC, rounded down to
/// microseconds, durations as numbers in the unit of `field` (null: microseconds), floats in the
/// shortest form. False, and nothing is appended, for what JSON has no form of: a float that is not
/// finite, and types that are not read.
bool append_arrow_value(std::string& out, const ArrowColumn& column, std::int64_t row,
                        const cep::Field* field);
/// Appends the row as one JSON object: `type` first, unless `json_type` is empty, then the columns
/// in their order, without those that are missing. A name that comes twice comes once, the first.
void append_arrow_row(std::string& out, const ArrowColumn& batch, std::int64_t row,
                      std::string_view json_type, const std::vector<ArrowFieldOfColumn>& fields);
}  // namespace tocsin::runtime

/// The columns of a record batch, from the structs of the Arrow C data interface.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/decimal.h"
#include "runtime/arrow/arrow_abi.h"

namespace tocsin::runtime {
enum class ArrowKind : std::uint8_t {
  kNull,
  kBool,
  kInteger,
  kFloat32,
  kFloat64,
  kDecimal,
  kText,
  kTimestamp,
  kDate32,
  kDate64,
  kDuration,
  kStruct,
  kOther,  // of a type that is not read
};
/// One column, or one member of a struct's. It borrows all from its array.
struct ArrowColumn {
  enum class Layout : std::uint8_t { kFixed, kOffsets32, kOffsets64, kViews };

  std::string_view name;
  std::string_view format;  // as the schema says it
  ArrowKind kind = ArrowKind::kOther;
  Layout layout = Layout::kFixed;       // of kText
  std::uint8_t width = 0;               // bytes of an integer or decimal
  bool is_signed = true;                // of an integer
  int scale = 0;                        // of a decimal
  std::int64_t ticks = 1'000'000;       // of a timestamp or duration: so many are a second
  std::int64_t offset = 0;              // of row 0, in every buffer
  const std::uint8_t* valid = nullptr;  // a bit for each entry; null: all are valid
  const void* data = nullptr;
  const void* offsets = nullptr;        // of texts
  const void* const* blocks = nullptr;  // of texts by views
  const ArrowColumn* values() const { return is_dictionary ? &children.front() : nullptr; }
  bool is_dictionary = false;  // `data` then has indices, of `width` bytes, of entries of values()
  std::vector<ArrowColumn> children;  // of a struct; of a dictionary its values

  /// Whether the row has a value; of a dictionary, whether it has an index.
  bool is_valid(std::int64_t row) const {
    if (valid == nullptr) return true;
    const std::int64_t bit = offset + row;
    return ((valid[bit / 8] >> (bit % 8)) & 1) != 0;
  }
  /// Values of rows that are valid; the kinds must be right.
  bool boolean(std::int64_t row) const;
  cep::Int128 integer(std::int64_t row) const;  // also a decimal's mantissa, a timestamp, an index
  double real(std::int64_t row) const;
  std::string_view text(std::int64_t row) const;
  /// Of a dictionary, how many values it has.
  std::int64_t value_count = 0;
};

/// A record batch as a struct column. Both must stay as they are, and not be released, while it is
/// used. Rows from `first_row` on may be asked for. Fails with kInvalidArgument for what is no
/// record batch, and with kCorrupt for lengths, offsets or indices that lie outside of their array.
Result<ArrowColumn> arrow_columns(const ArrowSchema& schema, const ArrowArray& array,
                                  std::int64_t first_row);
/// Whether all texts of a text column, from `first_row` on and before `row_count`, are UTF-8; of a
/// dictionary, all of its values.
bool are_texts_utf8(const ArrowColumn& column, std::int64_t first_row, std::int64_t row_count);
/// The type as people say it: "decimal128(10, 2)", "timestamp[us, UTC]"; the format of other types.
std::string arrow_type_name(const ArrowColumn& column);
/// The value's column and entry where the row of a column is valid: itself, or of its dictionary.
/// Nothing for a missing value.
struct ArrowEntry {
  const ArrowColumn* column = nullptr;
  std::int64_t row = 0;
};
inline std::optional<ArrowEntry> arrow_entry(const ArrowColumn& column, std::int64_t row) {
  if (column.kind == ArrowKind::kNull || !column.is_valid(row)) return std::nullopt;
  if (!column.is_dictionary) return ArrowEntry{&column, row};
  const auto index = static_cast<std::int64_t>(column.integer(row));
  const ArrowColumn& values = column.children.front();
  if (values.kind == ArrowKind::kNull || !values.is_valid(index)) return std::nullopt;
  return ArrowEntry{&values, index};
}
}  // namespace tocsin::runtime

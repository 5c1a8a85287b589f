#include "runtime/arrow/arrow_column.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>

#include "runtime/decode/json_structure.h"

namespace tocsin::runtime {
namespace {
constexpr int kDepthMax = 64;
constexpr std::size_t kViewBytes = 16;
constexpr std::int32_t kInlineViewMax = 12;

template <typename T>
T load(const void* data, std::int64_t at) {
  T value;
  std::memcpy(&value, static_cast<const char*>(data) + at * static_cast<std::int64_t>(sizeof(T)),
              sizeof(T));
  return value;
}
cep::Int128 load_integer(const void* data, std::int64_t at, std::uint8_t width, bool is_signed) {
  switch (width) {
    case 1:
      return is_signed ? cep::Int128{load<std::int8_t>(data, at)} : load<std::uint8_t>(data, at);
    case 2:
      return is_signed ? cep::Int128{load<std::int16_t>(data, at)} : load<std::uint16_t>(data, at);
    case 4:
      return is_signed ? cep::Int128{load<std::int32_t>(data, at)} : load<std::uint32_t>(data, at);
    case 8:
      return is_signed ? cep::Int128{load<std::int64_t>(data, at)} : load<std::uint64_t>(data, at);
    default:
      return load<cep::Int128>(data, at);
  }
}

struct FixedFormat {
  char letter;
  ArrowKind kind;
  std::uint8_t width;
  bool is_signed;
};
constexpr std::array<FixedFormat, 12> kFixedFormats = {{
    {'n', ArrowKind::kNull, 0, true},
    {'b', ArrowKind::kBool, 0, true},
    {'c', ArrowKind::kInteger, 1, true},
    {'C', ArrowKind::kInteger, 1, false},
    {'s', ArrowKind::kInteger, 2, true},
    {'S', ArrowKind::kInteger, 2, false},
    {'i', ArrowKind::kInteger, 4, true},
    {'I', ArrowKind::kInteger, 4, false},
    {'l', ArrowKind::kInteger, 8, true},
    {'L', ArrowKind::kInteger, 8, false},
    {'f', ArrowKind::kFloat32, 4, true},
    {'g', ArrowKind::kFloat64, 8, true},
}};
std::optional<std::int64_t> ticks_of(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 1'000;
    case 'u':
      return 1'000'000;
    case 'n':
      return 1'000'000'000;
    default:
      return std::nullopt;
  }
}

// "d:10,2" and "d:10,2,64": precision, scale and bits.
void read_decimal(std::string_view format, ArrowColumn& column) {
  std::array<int, 3> numbers = {0, 0, 128};
  const char* at = format.data() + 2;
  const char* const end = format.data() + format.size();
  for (int& number : numbers) {
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{}) return;
    at = next;
    if (at == end) break;
    if (*at++ != ',') return;
  }
  constexpr int kScaleOfDecimalMax = 38;
  const int bits = numbers[2];
  if (at != end || (bits != 32 && bits != 64 && bits != 128) || numbers[1] < -kScaleOfDecimalMax ||
      numbers[1] > kScaleOfDecimalMax) {
    return;
  }
  column.kind = ArrowKind::kDecimal;
  column.width = static_cast<std::uint8_t>(bits / 8);
  column.scale = numbers[1];
}

void read_time(std::string_view format, ArrowColumn& column) {
  if (format == "tdD") {
    column.kind = ArrowKind::kDate32;
    column.width = 4;
  } else if (format == "tdm") {
    column.kind = ArrowKind::kDate64;
    column.width = 8;
  } else if (format.size() >= 3 && (format[1] == 's' || format[1] == 'D')) {
    const std::optional<std::int64_t> ticks = ticks_of(format[2]);
    if (!ticks) return;
    column.kind = format[1] == 's' ? ArrowKind::kTimestamp : ArrowKind::kDuration;
    column.width = 8;
    column.ticks = *ticks;
  }
}

void read_format(std::string_view format, ArrowColumn& column) {
  column.format = format;
  using Layout = ArrowColumn::Layout;
  if (format.size() == 1) {
    for (const FixedFormat& one : kFixedFormats) {
      if (one.letter != format.front()) continue;
      column.kind = one.kind;
      column.width = one.width;
      column.is_signed = one.is_signed;
      return;
    }
  }
  if (format == "u" || format == "U" || format == "vu") {
    column.kind = ArrowKind::kText;
    column.layout = format == "u"   ? Layout::kOffsets32
                    : format == "U" ? Layout::kOffsets64
                                    : Layout::kViews;
  } else if (format == "+s") {
    column.kind = ArrowKind::kStruct;
  } else if (format.starts_with("d:")) {
    read_decimal(format, column);
  } else if (format.starts_with("t")) {
    read_time(format, column);
  }
}

tl::unexpected<Error> corrupt(const ArrowColumn& column, std::string_view what) {
  return fail(Errc::kCorrupt, fmt::format("the column `{}` ({}) of the record batch is damaged: {}",
                                          column.name, arrow_type_name(column), what));
}

// Buffers of a kind, the first of which says which entries are valid.
std::int64_t buffers_of(const ArrowColumn& column) {
  switch (column.kind) {
    case ArrowKind::kNull:
      return 0;
    case ArrowKind::kStruct:
      return 1;
    case ArrowKind::kText:
      return 3;  // views: at least
    default:
      return 2;
  }
}

template <typename Offset>
bool are_offsets_good(const void* offsets, std::int64_t from, std::int64_t to) {
  Offset before = load<Offset>(offsets, from);
  bool good = before >= 0;
  for (std::int64_t i = from + 1; i <= to; ++i) {
    const auto next = load<Offset>(offsets, i);
    good = good && next >= before;
    before = next;
  }
  return good;
}

// Opens one column; `rows` are those that may be asked for, as entries of the parent's rows.
struct RowRange {
  std::int64_t from = 0;
  std::int64_t to = 0;
};

bool are_views_good(const ArrowColumn& column, const ArrowArray& array, RowRange rows) {
  const std::int64_t block_count = array.n_buffers - 3;
  const void* const sizes = array.buffers[array.n_buffers - 1];
  if (block_count > 0 && sizes == nullptr) return false;
  for (std::int64_t row = rows.from; row < rows.to; ++row) {
    if (!column.is_valid(row)) continue;
    const char* const view = static_cast<const char*>(column.data) +
                             (column.offset + row) * static_cast<std::int64_t>(kViewBytes);
    const auto size = load<std::int32_t>(view, 0);
    if (size < 0) return false;
    if (size <= kInlineViewMax) continue;
    const auto block = load<std::int32_t>(view, 2);
    const auto begin = load<std::int32_t>(view, 3);
    if (block < 0 || block >= block_count || begin < 0) return false;
    const auto block_size = load<std::int64_t>(sizes, block);
    if (column.blocks[block] == nullptr || std::int64_t{begin} + size > block_size) return false;
  }
  return true;
}

Result<void> check_text(const ArrowColumn& column, const ArrowArray& array, RowRange rows) {
  if (rows.from == rows.to) return {};
  if (column.layout == ArrowColumn::Layout::kViews) {
    if (column.data == nullptr) return corrupt(column, "it has no views");
    if (!are_views_good(column, array, rows)) return corrupt(column, "a view lies outside");
    return {};
  }
  if (column.offsets == nullptr) return corrupt(column, "it has no offsets");
  const std::int64_t from = column.offset + rows.from;
  const std::int64_t to = column.offset + rows.to;
  const bool is_32 = column.layout == ArrowColumn::Layout::kOffsets32;
  if (is_32 ? !are_offsets_good<std::int32_t>(column.offsets, from, to)
            : !are_offsets_good<std::int64_t>(column.offsets, from, to)) {
    return corrupt(column, "its offsets do not ascend");
  }
  const std::int64_t end =
      is_32 ? load<std::int32_t>(column.offsets, to) : load<std::int64_t>(column.offsets, to);
  if (end > 0 && column.data == nullptr) return corrupt(column, "it has offsets and no texts");
  return {};
}

Result<void> open_column(const ArrowSchema& schema, const ArrowArray& array, std::int64_t base,
                         RowRange rows, int depth, ArrowColumn& column);

Result<void> open_dictionary(const ArrowSchema& schema, const ArrowArray& array, RowRange rows,
                             int depth, ArrowColumn& column) {
  if (column.kind != ArrowKind::kInteger) return corrupt(column, "its indices are no integers");
  if (array.dictionary == nullptr) return corrupt(column, "it has no dictionary");
  const std::int64_t count = array.dictionary->length;
  column.is_dictionary = true;
  column.value_count = count;
  Result<void> opened = open_column(*schema.dictionary, *array.dictionary, 0, {0, count}, depth + 1,
                                    column.children.emplace_back());
  if (!opened) return opened;
  column.children.front().name = column.name;
  for (std::int64_t row = rows.from; row < rows.to; ++row) {
    if (!column.is_valid(row)) continue;
    const cep::Int128 index = column.integer(row);
    if (index < 0 || index >= count) return corrupt(column, "an index lies outside its dictionary");
  }
  return {};
}

Result<void> open_column(const ArrowSchema& schema, const ArrowArray& array, std::int64_t base,
                         RowRange rows, int depth, ArrowColumn& column) {
  if (schema.name != nullptr) column.name = schema.name;
  if (schema.format == nullptr) return corrupt(column, "it has no format");
  read_format(schema.format, column);
  if (depth > kDepthMax) return corrupt(column, "it is nested too deeply");
  constexpr std::int64_t kEntriesMax = std::int64_t{1} << 56;
  if (array.length < 0 || array.offset < 0 || array.length > kEntriesMax ||
      array.offset > kEntriesMax || base > kEntriesMax) {
    return corrupt(column, "its length or offset is out of range");
  }
  if (base + rows.to > array.length) return corrupt(column, "it has fewer entries than rows");
  column.offset = base + array.offset;
  const bool has_rows = rows.from < rows.to;
  if (column.kind == ArrowKind::kOther) return {};
  const std::int64_t expected = buffers_of(column);
  const bool has_views = column.layout == ArrowColumn::Layout::kViews;
  if (array.n_buffers < expected || (array.n_buffers > expected && !has_views) ||
      (expected > 0 && array.buffers == nullptr)) {
    return corrupt(column, "it has the wrong number of buffers");
  }
  if (column.kind == ArrowKind::kNull) return {};
  column.valid = static_cast<const std::uint8_t*>(array.buffers[0]);
  if (column.valid == nullptr && has_rows && array.null_count > 0) {
    return corrupt(column, "it has nulls and does not say which");
  }
  if (column.kind == ArrowKind::kStruct) {
    if (schema.n_children < 0 || schema.n_children != array.n_children ||
        (schema.n_children > 0 && (schema.children == nullptr || array.children == nullptr))) {
      return corrupt(column, "its schema has other children");
    }
    column.children.reserve(static_cast<std::size_t>(schema.n_children));
    for (std::int64_t i = 0; i < schema.n_children; ++i) {
      if (schema.children[i] == nullptr || array.children[i] == nullptr) {
        return corrupt(column, "a child is missing");
      }
      Result<void> opened = open_column(*schema.children[i], *array.children[i], column.offset,
                                        rows, depth + 1, column.children.emplace_back());
      if (!opened) return opened;
    }
    return {};
  }
  if (column.kind == ArrowKind::kText) {
    column.data = array.buffers[has_views ? 1 : 2];
    if (has_views) {
      column.blocks = array.buffers + 2;
    } else {
      column.offsets = array.buffers[1];
    }
    return check_text(column, array, rows);
  }
  column.data = array.buffers[1];
  if (column.data == nullptr && has_rows) return corrupt(column, "it has no values");
  if (schema.dictionary != nullptr) return open_dictionary(schema, array, rows, depth, column);
  return {};
}
}  // namespace

bool ArrowColumn::boolean(std::int64_t row) const {
  const std::int64_t bit = offset + row;
  return ((static_cast<const std::uint8_t*>(data)[bit / 8] >> (bit % 8)) & 1) != 0;
}

cep::Int128 ArrowColumn::integer(std::int64_t row) const {
  return load_integer(data, offset + row, width, is_signed);
}

double ArrowColumn::real(std::int64_t row) const {
  if (kind == ArrowKind::kFloat32) return load<float>(data, offset + row);
  return load<double>(data, offset + row);
}

std::string_view ArrowColumn::text(std::int64_t row) const {
  const std::int64_t at = offset + row;
  if (layout == Layout::kViews) {
    const char* const view =
        static_cast<const char*>(data) + at * static_cast<std::int64_t>(kViewBytes);
    const auto size = load<std::int32_t>(view, 0);
    if (size <= kInlineViewMax) return {view + 4, static_cast<std::size_t>(size)};
    const auto block = load<std::int32_t>(view, 2);
    return {static_cast<const char*>(blocks[block]) + load<std::int32_t>(view, 3),
            static_cast<std::size_t>(size)};
  }
  std::int64_t begin = 0;
  std::int64_t end = 0;
  if (layout == Layout::kOffsets32) {
    begin = load<std::int32_t>(offsets, at);
    end = load<std::int32_t>(offsets, at + 1);
  } else {
    begin = load<std::int64_t>(offsets, at);
    end = load<std::int64_t>(offsets, at + 1);
  }
  if (begin == end) return {};
  return {static_cast<const char*>(data) + begin, static_cast<std::size_t>(end - begin)};
}

bool are_texts_utf8(const ArrowColumn& column, std::int64_t first_row, std::int64_t row_count) {
  if (column.is_dictionary) return are_texts_utf8(column.children.front(), 0, column.value_count);
  if (column.kind != ArrowKind::kText || first_row >= row_count) return true;
  if (column.layout == ArrowColumn::Layout::kViews) {
    for (std::int64_t row = first_row; row < row_count; ++row) {
      if (column.is_valid(row) && !is_utf8(column.text(row))) return false;
    }
    return true;
  }
  // They lie one behind the other: all of them are where all together are and none begins within a
  // character. What stands where there is no value may be anything, and is looked at later.
  const char* begin = nullptr;
  const char* end = nullptr;
  for (std::int64_t row = first_row; row < row_count; ++row) {
    const std::string_view text = column.text(row);
    if (text.empty()) continue;
    if (begin == nullptr) begin = text.data();
    end = text.data() + text.size();
    if ((static_cast<unsigned char>(text.front()) & 0xc0) == 0x80) return false;
  }
  return begin == nullptr || is_utf8({begin, static_cast<std::size_t>(end - begin)});
}

Result<ArrowColumn> arrow_columns(const ArrowSchema& schema, const ArrowArray& array,
                                  std::int64_t first_row) {
  if (schema.release == nullptr || array.release == nullptr) {
    return fail(Errc::kInvalidArgument, "the schema or the array was released already");
  }
  if (schema.format == nullptr || std::string_view(schema.format) != "+s") {
    return fail(Errc::kInvalidArgument,
                fmt::format("a record batch is a struct (format \"+s\"), and this is \"{}\"",
                            schema.format == nullptr ? "" : schema.format));
  }
  if (first_row < 0 || first_row > array.length) {
    return fail(Errc::kInvalidArgument,
                fmt::format("the record batch has {} rows, and {} were taken already", array.length,
                            first_row));
  }
  ArrowColumn batch;
  Result<void> opened = open_column(schema, array, 0, {first_row, array.length}, 0, batch);
  if (!opened) return tl::unexpected(opened.error());
  return batch;
}

std::string arrow_type_name(const ArrowColumn& column) {
  if (column.is_dictionary) {
    return fmt::format("dictionary of {}", arrow_type_name(column.children.front()));
  }
  const auto unit = [&column] {
    return column.ticks == 1           ? "s"
           : column.ticks == 1'000     ? "ms"
           : column.ticks == 1'000'000 ? "us"
                                       : "ns";
  };
  switch (column.kind) {
    case ArrowKind::kNull:
      return "null";
    case ArrowKind::kBool:
      return "bool";
    case ArrowKind::kInteger:
      return fmt::format("{}int{}", column.is_signed ? "" : "u", 8 * column.width);
    case ArrowKind::kFloat32:
      return "float32";
    case ArrowKind::kFloat64:
      return "float64";
    case ArrowKind::kDecimal:
      return fmt::format("decimal{} of scale {}", 8 * column.width, column.scale);
    case ArrowKind::kText:
      return column.format == "u" ? "utf8" : column.format == "U" ? "large_utf8" : "string_view";
    case ArrowKind::kTimestamp:
      return fmt::format("timestamp[{}]", unit());
    case ArrowKind::kDate32:
      return "date32";
    case ArrowKind::kDate64:
      return "date64";
    case ArrowKind::kDuration:
      return fmt::format("duration[{}]", unit());
    case ArrowKind::kStruct:
      return "struct";
    case ArrowKind::kOther:
      break;
  }
  if (column.format.starts_with("+l") || column.format.starts_with("+L") ||
      column.format.starts_with("+w")) {
    return "list";
  }
  if (column.format == "z" || column.format == "Z" || column.format == "vz") return "binary";
  if (column.format.starts_with("tt")) return "time of day";
  return fmt::format("a type of format \"{}\"", column.format);
}
}  // namespace tocsin::runtime

#include "runtime/arrow/arrow_text.h"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>

#include "cep/value/number_text.h"
#include "cep/value/time.h"
#include "runtime/arrow/arrow_time.h"
#include "runtime/io/side_output_line.h"

namespace tocsin::runtime {
namespace {
constexpr int kDecimalScaleMax = 38;

void append_decimal(std::string& out, cep::Int128 mantissa, int scale) {
  if (scale >= 0) {
    out += cep::DecimalText(mantissa, scale).view();
    return;
  }
  out += cep::DecimalText(mantissa, 0).view();
  if (mantissa != 0) out.append(static_cast<std::size_t>(-scale), '0');
}

void append_time(std::string& out, std::int64_t us) {
  out += '"';
  out += cep::TimeText(cep::EventTime{us}).view();
  out += '"';
}

bool append_duration(std::string& out, cep::Int128 ticks, std::int64_t per_second,
                     const cep::Field* field) {
  const cep::Int128 us = floor_to_us(ticks, per_second);
  switch (field == nullptr ? cep::TimeUnit::kMicroseconds : field->unit) {
    case cep::TimeUnit::kSeconds:
      out += cep::DecimalText(us, 6).view();
      break;
    case cep::TimeUnit::kMilliseconds:
      out += cep::DecimalText(us, 3).view();
      break;
    case cep::TimeUnit::kMicroseconds:
      out += cep::DecimalText(us, 0).view();
      break;
    case cep::TimeUnit::kNanoseconds:
      out += cep::DecimalText(us * 1'000, 0).view();
      break;
  }
  return true;
}

const cep::Field* field_of(const std::vector<ArrowFieldOfColumn>& fields,
                           const ArrowColumn& column) {
  for (const ArrowFieldOfColumn& one : fields) {
    if (one.column == &column) return one.field;
  }
  return nullptr;
}

// The members of a struct's entry, each with a comma behind it.
void append_members(std::string& out, const ArrowColumn& of, std::int64_t row,
                    const std::vector<ArrowFieldOfColumn>& fields) {
  for (const ArrowColumn& column : of.children) {
    bool comes_twice = false;
    for (const ArrowColumn* other = of.children.data(); other != &column; ++other) {
      comes_twice = comes_twice || other->name == column.name;
    }
    const std::optional<ArrowEntry> entry = arrow_entry(column, row);
    if (!entry || comes_twice) continue;
    const std::size_t before = out.size();
    append_json_text(out, column.name);
    out += ':';
    if (entry->column->kind == ArrowKind::kStruct) {
      out += '{';
      append_members(out, *entry->column, entry->row, fields);
      if (out.back() == ',') out.pop_back();
      out += "},";
    } else if (append_arrow_value(out, *entry->column, entry->row, field_of(fields, column))) {
      out += ',';
    } else {
      out.resize(before);
    }
  }
}
}  // namespace

bool append_arrow_value(std::string& out, const ArrowColumn& column, std::int64_t row,
                        const cep::Field* field) {
  switch (column.kind) {
    case ArrowKind::kBool:
      out += column.boolean(row) ? "true" : "false";
      return true;
    case ArrowKind::kInteger:
      append_decimal(out, column.integer(row), 0);
      return true;
    case ArrowKind::kFloat32:
    case ArrowKind::kFloat64: {
      const double real = column.real(row);
      if (!std::isfinite(real)) return false;
      fmt::format_to(std::back_inserter(out), "{}", real);
      return true;
    }
    case ArrowKind::kDecimal:
      static_assert(kDecimalScaleMax <= 60, "a text has room for it");
      append_decimal(out, column.integer(row), column.scale);
      return true;
    case ArrowKind::kText:
      append_json_text(out, column.text(row));
      return true;
    case ArrowKind::kTimestamp: {
      const std::optional<std::int64_t> us = time_of_ticks(column.integer(row), column.ticks);
      if (!us) return false;
      append_time(out, *us);
      return true;
    }
    case ArrowKind::kDate32:
    case ArrowKind::kDate64: {
      const std::optional<std::int64_t> days = days_of(column, row);
      if (!days) return false;
      (out += '"') += cep::format_date(*days);
      out += '"';
      return true;
    }
    case ArrowKind::kDuration:
      return append_duration(out, column.integer(row), column.ticks, field);
    case ArrowKind::kNull:
    case ArrowKind::kStruct:
    case ArrowKind::kOther:
      break;
  }
  return false;
}

void append_arrow_row(std::string& out, const ArrowColumn& batch, std::int64_t row,
                      std::string_view json_type, const std::vector<ArrowFieldOfColumn>& fields) {
  out += '{';
  if (!json_type.empty()) {
    out += "\"type\":";
    append_json_text(out, json_type);
    out += ',';
  }
  if (batch.is_valid(row)) append_members(out, batch, row, fields);
  if (out.back() == ',') out.pop_back();
  out += '}';
}
}  // namespace tocsin::runtime

#include "runtime/arrow/arrow_values.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <optional>
#include <utility>

#include "cep/value/decimal.h"
#include "cep/value/int128.h"
#include "cep/value/time_unit.h"
#include "runtime/arrow/arrow_text.h"
#include "runtime/arrow/arrow_time.h"
#include "runtime/decode/marked_lines.h"

namespace tocsin::runtime {
namespace {
bool is_number_kind(ArrowKind kind) {
  return kind == ArrowKind::kInteger || kind == ArrowKind::kDecimal ||
         kind == ArrowKind::kFloat32 || kind == ArrowKind::kFloat64;
}
bool is_of_type(cep::TypeKind field, ArrowKind kind) {
  if (kind == ArrowKind::kNull) return true;
  switch (field) {
    case cep::TypeKind::kBool:
      return kind == ArrowKind::kBool;
    case cep::TypeKind::kInt:
    case cep::TypeKind::kFloat:
    case cep::TypeKind::kDecimal:
      return is_number_kind(kind);
    case cep::TypeKind::kString:
    case cep::TypeKind::kEnum:
      return kind == ArrowKind::kText;
    case cep::TypeKind::kTime:
      return kind == ArrowKind::kTimestamp || kind == ArrowKind::kText || is_number_kind(kind);
    case cep::TypeKind::kDate:
      return kind == ArrowKind::kDate32 || kind == ArrowKind::kDate64 || kind == ArrowKind::kText;
    case cep::TypeKind::kDuration:
      return kind == ArrowKind::kDuration || is_number_kind(kind);
    case cep::TypeKind::kFraction:
      break;
  }
  return false;
}
std::string usual_arrow_type(const cep::Type& type) {
  switch (type.kind) {
    case cep::TypeKind::kBool:
      return "bool";
    case cep::TypeKind::kInt:
      return "int64";
    case cep::TypeKind::kFloat:
      return "float64";
    case cep::TypeKind::kDecimal:
      return fmt::format("decimal128(18, {})", type.scale);
    case cep::TypeKind::kTime:
      return "timestamp[us, UTC]";
    case cep::TypeKind::kDate:
      return "date32";
    case cep::TypeKind::kDuration:
      return "duration[us]";
    case cep::TypeKind::kString:
    case cep::TypeKind::kEnum:
    case cep::TypeKind::kFraction:
      break;
  }
  return "utf8";
}

// A value whose JSON token is read as that of a line would be.
Scalar scalar_by_token(const cep::Field& field, const std::string& token) {
  std::string padded = token;
  padded.append(kLinePadding, '\0');
  return scalar_value(field.type.kind, field.type.scale, {padded.data(), token.size()},
                      number_form(field));
}

std::optional<std::int64_t> scaled(cep::Int128 mantissa, int from_scale, int to_scale) {
  constexpr int kPowerMax = 18;
  const int shift = to_scale - from_scale;
  if (shift > kPowerMax || shift < -kPowerMax) return std::nullopt;
  if (shift >= 0) {
    if (!cep::fits_64(mantissa)) return std::nullopt;
    mantissa *= cep::power_of_ten(shift);
  } else {
    const std::int64_t divisor = cep::power_of_ten(-shift);
    if (mantissa % divisor != 0) return std::nullopt;
    mantissa /= divisor;
  }
  if (!cep::fits_64(mantissa)) return std::nullopt;
  return static_cast<std::int64_t>(mantissa);
}

// The decimal that is written with the fewest digits and read as this float, where it has at most
// 15 digits: then no other one with as few is read as the same.
std::optional<std::int64_t> decimal_of(double real, int scale) {
  constexpr double kExactMax = 1e15;
  const auto power = static_cast<double>(cep::power_of_ten(scale));
  const double product = std::nearbyint(real * power);
  if (!(std::abs(product) < kExactMax) || product / power != real) return std::nullopt;
  return static_cast<std::int64_t>(product);
}

// A number of the field's unit as microseconds, where it is usual.
std::optional<std::int64_t> us_of(cep::Int128 number, const cep::Field& field) {
  cep::Int128 us = 0;
  switch (field.unit) {
    case cep::TimeUnit::kSeconds:
      us = number * 1'000'000;
      break;
    case cep::TimeUnit::kMilliseconds:
      us = number * 1'000;
      break;
    case cep::TimeUnit::kMicroseconds:
      us = number;
      break;
    case cep::TimeUnit::kNanoseconds:
      us = floor_to_us(number, 1'000'000'000);
      break;
  }
  if (us < cep::kEventTimeMin.us || us > cep::kEventTimeMax.us) return std::nullopt;
  const auto word = static_cast<std::int64_t>(us);
  const bool is_time = field.type.kind == cep::TypeKind::kTime;
  if (is_time && !field.any_year && !cep::is_plausible({word})) return std::nullopt;
  return word;
}

// The word of a valid entry by the shortest way; nothing where there is none, or only a longer one.
std::optional<std::int64_t> quick_word(const cep::Field& field, const ArrowColumn& column,
                                       std::int64_t row) {
  const cep::TypeKind kind = field.type.kind;
  switch (column.kind) {
    case ArrowKind::kBool:
      return column.boolean(row) ? 1 : 0;
    case ArrowKind::kTimestamp:
      return time_of_ticks(column.integer(row), column.ticks);
    case ArrowKind::kDate32:
    case ArrowKind::kDate64:
      return days_of(column, row);
    case ArrowKind::kDuration: {
      const cep::Int128 us = floor_to_us(column.integer(row), column.ticks);
      if (us < cep::kEventTimeMin.us || us > cep::kEventTimeMax.us) return std::nullopt;
      return static_cast<std::int64_t>(us);
    }
    case ArrowKind::kInteger: {
      const cep::Int128 number = column.integer(row);
      if (kind == cep::TypeKind::kTime || kind == cep::TypeKind::kDuration) {
        return us_of(number, field);
      }
      if (kind == cep::TypeKind::kFloat) {
        return std::bit_cast<std::int64_t>(static_cast<double>(number));
      }
      return scaled(number, 0, field.type.scale);
    }
    case ArrowKind::kDecimal:
      if (kind != cep::TypeKind::kInt && kind != cep::TypeKind::kDecimal) return std::nullopt;
      return scaled(column.integer(row), column.scale, field.type.scale);
    case ArrowKind::kFloat32:
    case ArrowKind::kFloat64: {
      const double real = column.real(row);
      if (kind == cep::TypeKind::kFloat) return std::bit_cast<std::int64_t>(real);
      if (kind == cep::TypeKind::kInt || kind == cep::TypeKind::kDecimal) {
        return decimal_of(real, field.type.scale);
      }
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

// A float that is not finite has no JSON form: it is missing.
bool is_no_value(const ArrowEntry& entry) {
  const bool is_real =
      entry.column->kind == ArrowKind::kFloat32 || entry.column->kind == ArrowKind::kFloat64;
  return is_real && !std::isfinite(entry.column->real(entry.row));
}

class ArrowFieldReader {
 public:
  ArrowFieldReader(const ArrowField& from, std::span<const std::int64_t> rows, cep::Column& to,
                   std::vector<ArrowProblem>& problems)
      : from_(from), rows_(rows), to_(to), problems_(problems) {
    to.known.assign(rows.size(), 0);
  }

  void read_texts(cep::TextArena& texts) {
    to_.texts.assign(rows_.size(), {});
    each([&](std::size_t i, std::string_view text) {
      to_.texts[i] = texts.store(text);
      to_.known[i] = 1;
    });
  }
  void read_enum() {
    to_.words.assign(rows_.size(), 0);
    each([&](std::size_t i, std::string_view text) {
      const auto word = from_.words->find(text);
      if (word != from_.words->end()) {
        to_.words[i] = word->second;
        to_.known[i] = 1;
        return;
      }
      const std::optional<ArrowEntry> entry = arrow_entry_of(from_, rows_[i]);
      std::string token;
      if (entry) append_arrow_value(token, *entry->column, entry->row, from_.field);
      problems_.push_back({i, FieldFault::kUnusable, std::move(token)});
    });
  }
  void read_words() {
    to_.words.assign(rows_.size(), 0);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::optional<ArrowEntry> entry = arrow_entry_of(from_, rows_[i]);
      if (!entry || is_no_value(*entry)) {
        absent(i);
        continue;
      }
      std::optional<std::int64_t> word = quick_word(*from_.field, *entry->column, entry->row);
      if (!word) word = slow_word(i, *entry);
      if (!word) continue;
      to_.words[i] = *word;
      to_.known[i] = 1;
    }
  }

 private:
  template <typename Take>
  void each(const Take& take) {
    if (from_.column == nullptr && !from_.constant.empty()) {
      for (std::size_t i = 0; i < rows_.size(); ++i) take(i, from_.constant);
      return;
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (const std::optional<ArrowEntry> entry = arrow_entry_of(from_, rows_[i])) {
        take(i, entry->column->text(entry->row));
      } else {
        absent(i);
      }
    }
  }
  void absent(std::size_t i) {
    if (!from_.field->optional) problems_.push_back({i, FieldFault::kAbsent, {}});
  }
  std::optional<std::int64_t> slow_word(std::size_t i, const ArrowEntry& entry) {
    std::string token;
    if (!append_arrow_value(token, *entry.column, entry.row, from_.field)) {
      problems_.push_back({i, FieldFault::kUnusable, "out of range"});
      return std::nullopt;
    }
    const Scalar scalar = scalar_by_token(*from_.field, token);
    if (scalar.ok) return scalar.word;
    problems_.push_back({i, scalar.fault, std::move(token)});
    return std::nullopt;
  }

  const ArrowField& from_;
  std::span<const std::int64_t> rows_;
  cep::Column& to_;
  std::vector<ArrowProblem>& problems_;
};
}  // namespace

std::optional<ArrowEntry> arrow_entry_of(const ArrowField& from, std::int64_t row) {
  if (from.column == nullptr) return std::nullopt;
  for (const ArrowColumn* const around : from.around) {
    if (!around->is_valid(row)) return std::nullopt;
  }
  return arrow_entry(*from.column, row);
}

Result<void> check_arrow_type(std::string_view event_type, const cep::Field& field,
                              std::string_view column_name, const ArrowColumn& column) {
  const ArrowColumn& values = column.is_dictionary ? column.children.front() : column;
  if (is_of_type(field.type.kind, values.kind)) return {};
  return fail(Errc::kInvalidArgument,
              fmt::format("the column `{}` is {}, and `{}.{}` is {}: cast the column to {}, or "
                          "declare the field as what the column has",
                          column_name, arrow_type_name(column), event_type, field.name,
                          cep::type_name(field.type), usual_arrow_type(field.type)));
}

void read_arrow_field(const ArrowField& from, std::span<const std::int64_t> rows, cep::Column& to,
                      cep::TextArena& texts, std::vector<ArrowProblem>& problems) {
  ArrowFieldReader reader(from, rows, to, problems);
  switch (from.field->type.kind) {
    case cep::TypeKind::kString:
      return reader.read_texts(texts);
    case cep::TypeKind::kEnum:
      return reader.read_enum();
    default:
      return reader.read_words();
  }
}
}  // namespace tocsin::runtime

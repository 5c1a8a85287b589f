#include "cep/data/batch.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "cep/base/assert.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/value/decimal.h"
#include "cep/value/word_value.h"

namespace tocsin::cep {
namespace {
constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
}  // namespace

char* TextArena::allocate(std::size_t size) {
  if (chunks_.empty() || chunks_.back().size - used_ < size) {
    const std::size_t bytes = std::max(size, kChunkBytes);
    chunks_.push_back({std::make_unique_for_overwrite<char[]>(bytes), bytes});
    used_ = 0;
  }
  char* place = chunks_.back().data.get() + used_;
  used_ += size;
  bytes_ += size;
  return place;
}

std::string_view TextArena::store(std::string_view text) {
  if (text.empty()) return {};
  char* place = allocate(text.size());
  std::memcpy(place, text.data(), text.size());
  return {place, text.size()};
}

void TextArena::clear() {
  if (chunks_.size() > 1) {
    const auto largest =
        std::max_element(chunks_.begin(), chunks_.end(),
                         [](const Chunk& a, const Chunk& b) { return a.size < b.size; });
    std::swap(*largest, chunks_.front());
    chunks_.resize(1);
  }
  used_ = 0;
  bytes_ = 0;
}

Batch::Batch(const Plan& plan) : types(plan.event_types.size()) {
  for (std::size_t i = 0; i < types.size(); ++i) {
    types[i].fields.resize(plan.event_types[i].fields.size());
  }
}

void Batch::clear() {
  rows.clear();
  declared.reset();
  declared_bytes = 0;
  for (TypeColumns& type : types) {
    for (Column& column : type.fields) {
      column.words.clear();
      column.texts.clear();
      column.known.clear();
    }
  }
  texts.clear();
}

void Batch::append(const Plan& plan, EventTypeIndex type, EventTime engine_time, EventTime ts,
                   ArrivalNumber arrival, const std::vector<Value>& fields) {
  const EventType& event_type = plan.event_types[type.value];
  std::vector<Column>& columns = types[type.value].fields;
  TOCSIN_ASSERT(fields.size() <= columns.size(), "no more values than declared fields");
  Row row;
  row.type = type;
  row.index = static_cast<std::uint32_t>(columns.empty() ? 0 : columns.front().known.size());
  row.engine_time = engine_time;
  row.ts = ts;
  row.arrival = arrival;
  rows.push_back(row);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Value value = i < fields.size() ? fields[i] : Value::missing();
    append_value(columns[i], event_type.fields[i].type, value, texts);
  }
}

namespace {
bool fits(Int128 number) { return number >= INT64_MIN && number <= INT64_MAX; }
}  // namespace

Value value_as(const Type& type, const Value& value) {
  if (value.is_missing()) return value;
  switch (type.kind) {
    case TypeKind::kFloat:
      return to_float(value);
    case TypeKind::kDecimal: {
      const bool is_fraction = value.kind == ValueKind::kFraction;
      const Int128 denominator = is_fraction ? value.denominator : power_of_ten(value.scale);
      const std::optional<Int128> mantissa =
          divide_half_even(value.number, denominator, type.scale);
      return mantissa && fits(*mantissa) ? Value::decimal(*mantissa, type.scale) : Value::missing();
    }
    case TypeKind::kInt:
      return fits(value.number) ? value : Value::missing();
    default:
      return value;
  }
}
void append_value(Column& column, const Type& type, const Value& value, TextArena& texts) {
  column.known.push_back(value.is_missing() ? 0 : 1);
  if (type.kind == TypeKind::kString) {
    column.texts.push_back(texts.store(value.text));
  } else {
    column.words.push_back(value.kind == ValueKind::kFloat
                               ? std::bit_cast<std::int64_t>(value.real)
                               : static_cast<std::int64_t>(value.number));
  }
}

Value Batch::value(const Plan& plan, const Row& row, FieldIndex field) const {
  return column_value(plan.event_types[row.type.value].fields[field.value].type,
                      types[row.type.value].fields[field.value], row.index);
}

Value column_value(const Type& type, const Column& column, std::uint32_t index) {
  if (index >= column.known.size() || column.known[index] == 0) return Value::missing();
  if (type.kind == TypeKind::kString) return Value::string(column.texts[index]);
  return word_value(type, column.words[index]);
}
}  // namespace tocsin::cep

#include "runtime/decode/declared_columns.h"

#include <bit>
#include <cstring>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/value/word_value.h"

namespace tocsin::runtime {
namespace {
struct NamedRow {
  const DeclaredColumns* columns = nullptr;
  std::uint32_t index = 0;
};
NamedRow named_row(std::string_view raw) {
  TOCSIN_ASSERT(raw.size() == RowReference::kBytes, "a reference has one size");
  std::uintptr_t place = 0;
  NamedRow named;
  std::memcpy(&place, raw.data() + 1, sizeof place);
  std::memcpy(&named.index, raw.data() + 1 + sizeof place, sizeof named.index);
  named.columns = std::bit_cast<const DeclaredColumns*>(place);
  return named;
}
}  // namespace

void RowReference::write(char* to, const DeclaredColumns& columns, std::uint32_t index) {
  const auto place = std::bit_cast<std::uintptr_t>(&columns);
  *to = kInColumns;
  std::memcpy(to + 1, &place, sizeof place);
  std::memcpy(to + 1 + sizeof place, &index, sizeof index);
}

std::vector<cep::Value> RowReference::values(const cep::Plan& plan, const cep::Row& row) {
  const cep::EventType& type = plan.event_types[row.type.value];
  std::vector<cep::Value> values(type.fields.size());
  if (row.raw.front() == kInColumns) {
    const NamedRow named = named_row(row.raw);
    const cep::TypeColumns& columns = named.columns->types[row.type.value];
    for (std::size_t f = 0; f < values.size(); ++f) {
      if (type.fields[f].computed) continue;
      values[f] = cep::column_value(type.fields[f].type, columns.fields[f], named.index);
    }
    return values;
  }
  ByteReader from(row.raw.substr(1));
  for (std::size_t f = 0; f < values.size(); ++f) {
    const cep::Type& field = type.fields[f].type;
    if (type.fields[f].computed || from.u8() == 0) continue;
    values[f] = field.kind == cep::TypeKind::kString ? cep::Value::string(from.text())
                                                     : cep::word_value(field, from.i64());
  }
  TOCSIN_ASSERT(from.ok(), "the values were packed here");
  return values;
}

// For each field that is not computed: whether it is known: u8, and its word: i64, or text.
std::string RowReference::packed(const cep::Plan& plan, const cep::Row& row) {
  if (!is_one(row.raw) || row.raw.front() == kPacked) return std::string(row.raw);
  const NamedRow named = named_row(row.raw);
  const cep::EventType& type = plan.event_types[row.type.value];
  const cep::TypeColumns& columns = named.columns->types[row.type.value];
  std::string packed(1, kPacked);
  ByteWriter to(packed);
  for (std::size_t f = 0; f < type.fields.size(); ++f) {
    if (type.fields[f].computed) continue;
    const cep::Column& column = columns.fields[f];
    const bool is_known = column.known[named.index] != 0;
    to.u8(is_known ? 1 : 0);
    if (!is_known) continue;
    if (type.fields[f].type.kind == cep::TypeKind::kString) {
      to.text(column.texts[named.index]);
    } else {
      to.i64(column.words[named.index]);
    }
  }
  return packed;
}
}  // namespace tocsin::runtime

#include "runtime/decode/type_columns.h"

#include <algorithm>
#include <cstdint>

namespace tocsin::runtime {
void grow_columns(TypePlan& type, cep::TypeColumns& columns) {
  constexpr std::uint32_t kFirstCapacity = 64;
  type.capacity = std::max(kFirstCapacity, type.capacity * 2);
  for (Leaf& leaf : type.leaves) {
    if (!leaf.has_column) continue;
    cep::Column& column = columns.fields[leaf.field.value];
    column.known.resize(type.capacity);
    leaf.known_entries = column.known.data();
    if (leaf.kind == cep::TypeKind::kString) {
      column.texts.resize(type.capacity);
      leaf.text_entries = column.texts.data();
    } else {
      column.words.resize(type.capacity);
      leaf.word_entries = column.words.data();
    }
  }
}

void trim_columns(const TypePlan& type, cep::TypeColumns& columns) {
  for (const Leaf& leaf : type.leaves) {
    if (!leaf.has_column) continue;
    cep::Column& column = columns.fields[leaf.field.value];
    column.known.resize(type.rows);
    if (leaf.kind == cep::TypeKind::kString) {
      column.texts.resize(type.rows);
    } else {
      column.words.resize(type.rows);
    }
  }
}

std::size_t column_bytes(const TypePlan& type) {
  std::size_t entry = 0;
  for (const Leaf& leaf : type.leaves) {
    if (leaf.has_column) entry += 1 + (leaf.kind == cep::TypeKind::kString ? 16 : 8);
  }
  return entry * type.capacity;
}
}  // namespace tocsin::runtime

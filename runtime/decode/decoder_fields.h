/// How the fields of a Decoder's line get their values: inline, for those who go through lines
/// (runtime/decode/decoder_walk.cpp, runtime/decode/decoder_lines.cpp).
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "runtime/decode/decoder_impl.h"
#include "runtime/decode/field_value.h"
#include "runtime/decode/json_text.h"
#include "runtime/decode/type_columns.h"
#include "runtime/decode/type_plan.h"
#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
inline constexpr std::size_t kTextStep = 16;

inline char* Decoder::Impl::text_room(std::size_t bytes) {
  if (static_cast<std::size_t>(text_end_ - text_at_) < bytes) more_text_room(bytes);
  return text_at_;
}

inline void Decoder::Impl::start_type(int type) {
  type_index_ = type;
  if (type < 0) return;
  type_ = &types_[static_cast<std::size_t>(type)];
  if (type_->used) {
    if (type_->rows == type_->capacity)
      grow_columns(*type_, batch_->types[static_cast<std::size_t>(type)]);
    row_ = type_->rows;
  }
}

inline void Decoder::Impl::take_word(Leaf& leaf, std::int64_t word) {
  if (leaf.is_event_time) {
    has_time_ = true;
    ts_ = {word};
    if (!leaf.has_column) return;
  }
  leaf.word_entries[row_] = word;
  leaf.known_entries[row_] = 1;
}

// A string's inside, copied to the batch. False where it has an escape that JSON does not know.
inline bool Decoder::Impl::take_inside(Leaf& leaf, std::string_view inside) {
  // Short ones are copied whole steps at a time.
  constexpr std::size_t kShortMax = 64;
  char* const room = text_room(inside.size() + kTextStep);
  std::size_t size = inside.size();
  if (may_have_backslash(inside.data(), size)) {
    const std::optional<std::size_t> unescaped = unescape(inside, room);
    if (!unescaped) return false;
    size = *unescaped;
  } else if (size > kShortMax) {
    std::memcpy(room, inside.data(), size);
  } else {
    std::memcpy(room, inside.data(), kTextStep);
    for (std::size_t i = kTextStep; i < size; i += kTextStep) {
      std::memcpy(room + i, inside.data() + i, kTextStep);
    }
  }
  text_at_ += size;
  leaf.text_entries[row_] = {room, size};
  leaf.known_entries[row_] = 1;
  return true;
}

// A number as most are written; false for others, and for what is none.
inline bool Decoder::Impl::take_number(Leaf& leaf, std::string_view token) {
  std::int64_t word = 0;
  if (!quick_fixed_point(token, leaf.scale, word)) return false;
  if (!leaf.form.any_year && !cep::is_plausible({word})) return false;
  take_word(leaf, word);
  return true;
}

// A string, which is perhaps one of the leaf's words; false where it is none.
inline bool Decoder::Impl::take_known_word(Leaf& leaf, const char* inside, std::size_t size) {
  const int word = leaf.words->find(inside, size);
  if (word == WordTable::kAbsent) return false;
  leaf.word_entries[row_] = word;
  leaf.known_entries[row_] = 1;
  return true;
}

inline void Decoder::Impl::take(Leaf& leaf, std::string_view token) {
  if (leaf.kind == cep::TypeKind::kString) {
    take_text(leaf, token);
  } else if (!leaf.is_number || !take_number(leaf, token)) {
    take_scalar(leaf, token);
  }
}
}  // namespace tocsin::runtime

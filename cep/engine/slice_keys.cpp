#include "cep/engine/slice_keys.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cep/base/assert.h"
#include "cep/base/short_copy.h"
#include "cep/eval/eval.h"
#include "cep/value/key.h"

namespace tocsin::cep {
SliceKeys::SliceKeys(const ProgramImpl& program, std::uint32_t table, std::uint64_t hash_seed,
                     EngineStats& stats, Workers* workers)
    : program_(program),
      table_(program.tables[table]),
      seed_(hash_seed),
      stats_(stats),
      workers_(workers),
      number_(table),
      has_sparse_(!table_.predicate_places.empty()),
      operator_words_(static_cast<std::uint32_t>((table_.mask_operators.size() + 63) / 64)),
      reach_word_(operator_words_ + (table_.dense_count + 63) / 64),
      mask_words_(reach_word_ + program.pass_count + (has_sparse_ ? 1 : 0)),
      dense_predicates_(table_.dense_count),
      masks_(program.plan->event_types.size() * table_.role_places) {
  for (const KeySource& source : table_.sources) {
    std::vector<std::uint64_t>& mask = source_masks_.emplace_back(operator_words_);
    for (std::uint32_t bit = 0; bit < table_.mask_operators.size(); ++bit) {
      const bool has = source.has(table_.mask_operators[bit]);  // bit 0 stands for itself
      mask[bit / 64] |= std::uint64_t{has} << (bit % 64);
    }
  }
  make_gains();
  find_relevant_types();
  if (table_.sources.size() == 1) {
    const auto is_text = [](const KeyFields& key) { return !key.complete || key.is_one_text; };
    const std::vector<KeyFields>& fields = table_.sources[0].by_type;
    if (std::ranges::all_of(fields, is_text)) text_keys_.resize(fields.size());
  }
  const std::uint32_t parts =
      workers == nullptr || workers->count() == 1 ? 1 : kPartsOfWorker * workers->count();
  for (std::uint32_t i = 0; i < parts; ++i) parts_.push_back(std::make_unique<Part>());
}

void SliceKeys::find_relevant_types() {
  const std::vector<EventType>& types = program_.plan->event_types;
  std::vector<bool> is_relevant(types.size());
  for (const Predicate& predicate : table_.predicates) {
    for (std::size_t i = 0; i < predicate.by_type.size(); ++i) {
      if (!predicate.by_type[i].steps.empty()) is_relevant[i % types.size()] = true;
    }
  }
  for (std::uint32_t t = 0; t < types.size(); ++t) {
    if (is_relevant[t]) relevant_types_.push_back(t);
  }
  for (std::uint32_t i = 0; i < masks_.size(); ++i) {
    if (is_relevant[i % types.size()]) relevant_masks_.push_back(i);
  }
  for (const KeySource& source : table_.sources) {
    std::vector<bool>& of_source = text_parts_.emplace_back(source.by_type.size());
    for (std::size_t t = 0; t < source.by_type.size(); ++t) {
      of_source[t] = std::ranges::all_of(source.by_type[t].fields, [&](FieldIndex field) {
        return types[t].fields[field.value].type.kind == TypeKind::kString;
      });
    }
  }
}

bool SliceKeys::resolve(std::uint32_t pass, Slice& slice) {
  if (version_ == slice.version()) return false;
  version_ = slice.version();
  make_masks(slice);
  find_relevant_rows(slice);
  read_text_keys(slice.batch());
  const std::uint32_t parts = divide(static_cast<std::uint32_t>(slice.batch().rows.size()));
  const auto find = [&](std::uint32_t part) {
    if (!text_keys_.empty()) {
      find_text_keys(pass, slice, *parts_[part]);
    } else if (table_.sources.size() == 1) {
      find_keys(pass, slice, *parts_[part]);
    } else {
      find_keys_of_sources(pass, slice, *parts_[part]);
    }
    if (owned_) parts_[part]->keep(*owned_);
  };
  run_parts(workers_, parts, [&](std::uint32_t part, std::uint32_t /*worker*/) {
    slice.join_texts();
    find(part);
  });
  order_by_shard(parts);
  return true;
}

// Gives each part as many rows, and enough of them to be worth a thread.
std::uint32_t SliceKeys::divide(std::uint32_t rows) {
  const std::uint32_t parts = parts_of(workers_, rows, kPartsOfWorker);
  for (std::uint32_t part = 0; part < parts; ++part) {
    const PartRange range = part_range(rows, part, parts);
    parts_[part]->begin(range.begin, range.end);
  }
  return parts;
}

void SliceKeys::Part::begin(std::uint32_t first, std::uint32_t end) {
  row_begin = first;
  row_end = end;
  touches.clear();
  counts.fill(0);
  key_bytes_used = 0;
  values_missing = 0;
}

// Leaves out the touches of other groups.
void SliceKeys::Part::keep(KeyGroupRange groups) {
  std::erase_if(touches, [&](const Touch& touch) {
    if (groups.has(group_of_hash(touch.hash))) return false;
    --counts[shard_of_hash(touch.hash)];
    return true;
  });
}

// Touches of all parts, by shard and then in the order of rows.
void SliceKeys::order_by_shard(std::uint32_t parts) {
  std::size_t bytes = 0;
  shard_begin_[0] = 0;
  for (std::uint32_t s = 0; s < kShardCount; ++s) {
    shard_begin_[s + 1] = shard_begin_[s];
    for (std::uint32_t p = 0; p < parts; ++p) {
      parts_[p]->next[s] = shard_begin_[s + 1];
      shard_begin_[s + 1] += parts_[p]->counts[s];
    }
  }
  for (std::uint32_t p = 0; p < parts; ++p) {
    parts_[p]->joined_at = static_cast<std::uint32_t>(bytes);
    bytes += parts_[p]->key_bytes_used;
    stats_.values_missing += parts_[p]->values_missing;
  }
  TOCSIN_ASSERT(bytes <= UINT32_MAX, "a slice's keys stay below 4 GiB");
  touches_.resize(shard_begin_[kShardCount]);
  key_bytes_ = parts_[0]->key_bytes.get();
  if (parts > 1) {
    joined_bytes_.resize(bytes);
    key_bytes_ = joined_bytes_.data();
  }
  run_parts(workers_, parts, [&](std::uint32_t p, std::uint32_t /*worker*/) {
    Part& part = *parts_[p];
    if (parts > 1 && part.key_bytes_used > 0) {
      std::memcpy(joined_bytes_.data() + part.joined_at, part.key_bytes.get(), part.key_bytes_used);
    }
    for (const Touch& touch : part.touches) {
      Touch& to = touches_[part.next[shard_of_hash(touch.hash)]++];
      to = touch;
      to.key_begin += part.joined_at;
    }
  });
}

void SliceKeys::find_relevant_rows(const Slice& slice) {
  relevant_rows_.assign((slice.batch().rows.size() + 63) / 64, 0);
  for (const std::uint32_t type : relevant_types_) {
    const std::span<const std::uint64_t> rows = slice.rows_as_bits(EventTypeIndex(type));
    for (std::size_t w = 0; w < rows.size(); ++w) relevant_rows_[w] |= rows[w];
  }
}

void SliceKeys::Part::grow_key_space(std::size_t bytes) {
  const std::size_t capacity =
      std::max<std::size_t>(std::size_t{key_bytes_capacity} * 2, key_bytes_used + bytes + 4096);
  TOCSIN_ASSERT(capacity <= UINT32_MAX, "a slice's keys stay below 4 GiB");
  auto grown = std::make_unique_for_overwrite<char[]>(capacity);
  if (key_bytes_used > 0) std::memcpy(grown.get(), key_bytes.get(), key_bytes_used);
  key_bytes = std::move(grown);
  key_bytes_capacity = static_cast<std::uint32_t>(capacity);
}

// Writes the key of one text; gives the number of its bytes.
std::uint32_t SliceKeys::write_text(std::string_view text, Part& part) {
  char* const out = part.key_space(1 + text.size());
  out[0] = '\x04';  // as cep/value/key.h says
  copy_short(out + 1, text.data(), text.size());
  return static_cast<std::uint32_t>(text.size()) + 1;
}

// Writes the key of several texts; gives the number of its bytes plus one, 0 when one is missing.
std::uint32_t SliceKeys::write_texts(const Batch& batch, const Row& row, const KeyFields& key,
                                     Part& part) const {
  const std::vector<Column>& columns = batch.types[row.type.value].fields;
  constexpr std::size_t kHead = 5;  // of each: its length, and the tag of a text
  std::size_t size = 0;
  for (const FieldIndex field : key.fields) {
    const Column& column = columns[field.value];
    if (row.index >= column.known.size() || column.known[row.index] == 0) return 0;
    size += kHead + column.texts[row.index].size();
  }
  char* out = part.key_space(size);
  for (const FieldIndex field : key.fields) {
    const std::string_view text = columns[field.value].texts[row.index];
    const auto length = static_cast<std::uint32_t>(text.size()) + 1;
    for (int shift = 24; shift >= 0; shift -= 8) *out++ = static_cast<char>(length >> shift);
    *out++ = '\x04';  // as cep/value/key.h says
    copy_short(out, text.data(), text.size());
    out += text.size();
  }
  return static_cast<std::uint32_t>(size) + 1;
}

// Writes the row's key bytes after those used so far; gives their number plus one, 0 when a part is
// missing.
std::uint32_t SliceKeys::write_key(const Batch& batch, const Row& row, const KeySource& source,
                                   Part& part) const {
  if (source.by_type.empty()) {
    EvalScope scope{program_};
    scope.batch = &batch;
    scope.values_missing = &part.values_missing;
    part.key_values.clear();
    for (const Expr* expr : source.exprs) {
      part.key_values.push_back(evaluate(*expr, EventView{&row, nullptr}, scope));
      if (part.key_values.back().is_missing()) return 0;
    }
    return part.write_values();
  }
  const KeyFields& key = source.by_type[row.type.value];
  if (!key.complete) return 0;
  const Column* columns = batch.types[row.type.value].fields.data();
  if (key.is_one_text) {
    const Column& column = columns[key.fields[0].value];
    if (row.index >= column.known.size() || column.known[row.index] == 0) return 0;
    return write_text(column.texts[row.index], part) + 1;
  }
  const auto number = static_cast<std::size_t>(&source - table_.sources.data());
  if (key.fields.size() > 1 && text_parts_[number][row.type.value]) {
    return write_texts(batch, row, key, part);
  }
  const std::vector<Field>& fields = program_.plan->event_types[row.type.value].fields;
  part.key_values.clear();
  for (const FieldIndex field : key.fields) {
    part.key_values.push_back(
        column_value(fields[field.value].type, columns[field.value], row.index));
    if (part.key_values.back().is_missing()) return 0;
  }
  return part.write_values();
}
std::uint32_t SliceKeys::Part::write_values() {
  key_text.clear();
  append_key(key_text, key_values);
  if (!key_text.empty()) std::memcpy(key_space(key_text.size()), key_text.data(), key_text.size());
  return static_cast<std::uint32_t>(key_text.size()) + 1;
}

// The key of `size` bytes that was written last.
void SliceKeys::add_touch(std::uint32_t row, std::uint32_t key_size, std::uint32_t sources,
                          Slice& slice, Part& part) const {
  Touch touch;
  touch.row = row;
  touch.key_begin = part.key_bytes_used;
  touch.key_size = key_size;
  touch.sources = sources;
  part.key_bytes_used += key_size;
  touch.hash = hash_key({part.key_bytes.get() + touch.key_begin, key_size}, seed_);
  part.touches.push_back(touch);
  ++part.counts[shard_of_hash(touch.hash)];
  slice.mark_relevant(row);
}

void SliceKeys::read_text_keys(const Batch& batch) {
  if (text_keys_.empty()) return;
  for (const std::uint32_t type : relevant_types_) {
    TextKey& key = text_keys_[type];
    key = {masks_[type].data(), nullptr, nullptr, 0};
    const KeyFields& fields = table_.sources[0].by_type[type];
    if (!fields.complete) continue;
    const Column& column = batch.types[type].fields[fields.fields[0].value];
    key.known = column.known.data();
    key.texts = column.texts.data();
    key.rows = column.known.size();
  }
}

// As find_keys(), for a table whose only key is one text.
void SliceKeys::find_text_keys(std::uint32_t pass, Slice& slice, Part& part) const {
  const std::vector<Row>& rows = slice.batch().rows;
  for_each_row(part, [&](std::uint32_t i) {
    const Row& row = rows[i];
    const TextKey& key = text_keys_[row.type.value];
    if (!is_seen(key.masks + std::size_t{row.index} * mask_words_, pass, 0)) return;
    if (row.index >= key.rows || key.known[row.index] == 0) return;
    add_touch(i, write_text(key.texts[row.index], part), 1, slice, part);
  });
}

void SliceKeys::find_keys(std::uint32_t pass, Slice& slice, Part& part) const {
  const std::vector<Row>& rows = slice.batch().rows;
  const KeySource& source = table_.sources[0];
  for_each_row(part, [&](std::uint32_t i) {
    const Row& row = rows[i];
    if (!is_seen(mask_of(row), pass, 0)) return;
    const std::uint32_t written = write_key(slice.batch(), row, source, part);
    if (written != 0) add_touch(i, written - 1, 1, slice, part);
  });
}

// A row is seen once under each different key, first under those of its roles.
void SliceKeys::find_keys_of_sources(std::uint32_t pass, Slice& slice, Part& part) const {
  const std::vector<Row>& rows = slice.batch().rows;
  for_each_row(part, [&](std::uint32_t i) {
    const Row& row = rows[i];
    const std::size_t first = part.touches.size();
    for (std::uint32_t s = 0; s < table_.sources.size(); ++s) {
      if (!is_seen(mask_of(row, s < table_.role_places ? s : 0), pass, s)) continue;
      const std::uint32_t written = write_key(slice.batch(), row, table_.sources[s], part);
      if (written == 0) continue;
      const std::string_view key(part.key_bytes.get() + part.key_bytes_used, written - 1);
      const auto same = std::find_if(
          part.touches.begin() + static_cast<std::ptrdiff_t>(first), part.touches.end(),
          [&](const Touch& touch) {
            return std::string_view(part.key_bytes.get() + touch.key_begin, touch.key_size) == key;
          });
      if (same != part.touches.end()) {
        same->sources |= std::uint32_t{1} << s;
      } else {
        add_touch(i, written - 1, std::uint32_t{1} << s, slice, part);
      }
    }
  });
}

}  // namespace tocsin::cep

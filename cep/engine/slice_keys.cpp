#include "cep/engine/slice_keys.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "cep/base/assert.h"
#include "cep/match/eval.h"
#include "cep/value/key.h"

namespace tocsin::cep {
namespace {
// Copies a text that is most often short: overlapping copies instead of a loop.
void copy_short(char* to, std::string_view text) {
  const std::size_t size = text.size();
  if (size >= 8 && size <= 16) {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::memcpy(&first, text.data(), 8);
    std::memcpy(&last, text.data() + size - 8, 8);
    std::memcpy(to, &first, 8);
    std::memcpy(to + size - 8, &last, 8);
  } else {
    std::copy(text.begin(), text.end(), to);
  }
}
}  // namespace

SliceKeys::SliceKeys(const ProgramImpl& program, const TableProgram& table, std::uint64_t hash_seed,
                     EngineStats& stats)
    : program_(program),
      table_(table),
      seed_(hash_seed),
      stats_(stats),
      mask_words_(table.operator_words + table.predicate_words),
      masks_(program.plan->event_types.size() * table.role_places),
      touch_mask_(mask_words_) {
  gains_.resize(table_.predicates.size() * mask_words_);
  const auto gain = [&](std::uint32_t predicate, std::uint32_t word, std::uint32_t bit) {
    gains_[std::size_t{predicate} * mask_words_ + word + bit / 64] |= std::uint64_t{1}
                                                                      << (bit % 64);
  };
  for (std::uint32_t bit = 0; bit < table_.bit_predicates.size(); ++bit) {
    for (const std::uint32_t predicate : table_.bit_predicates[bit]) gain(predicate, 0, bit);
  }
  for (std::uint32_t p = 0; p < table_.predicates.size(); ++p) gain(p, table_.operator_words, p);
}

bool SliceKeys::resolve(const std::vector<std::uint64_t>& operators, Slice& slice) {
  if (version_ == slice.version()) return false;
  version_ = slice.version();
  make_masks(slice);
  key_bytes_used_ = 0;
  unordered_.clear();
  counts_.fill(0);
  if (table_.sources.size() == 1) {
    find_keys(operators.data(), slice);
  } else {
    find_keys_of_sources(operators.data(), slice);
  }
  std::array<std::uint32_t, kShardCount> next{};
  shard_begin_[0] = 0;
  for (std::uint32_t s = 0; s < kShardCount; ++s) {
    next[s] = shard_begin_[s];
    shard_begin_[s + 1] = shard_begin_[s] + counts_[s];
  }
  touches_.resize(unordered_.size());
  for (const Touch& touch : unordered_) touches_[next[shard_of_hash(touch.hash)]++] = touch;
  return true;
}

// Each entry's operator bits and predicate bits, from the predicates' bitmaps.
void SliceKeys::make_masks(const Slice& slice) {
  const std::size_t types = program_.plan->event_types.size();
  const bool only_alerts = masks_version_ >= slice.first_version();
  masks_version_ = slice.version();
  for (std::size_t i = 0; i < masks_.size(); ++i) {
    const EventTypeIndex type(i % types);
    if (only_alerts && !program_.plan->event_types[type.value].is_alert()) continue;
    const std::uint32_t rows = slice.rows_of(type);
    std::vector<std::uint64_t>& masks = masks_[i];
    masks.assign(std::size_t{rows} * mask_words_, 0);
    if (rows == 0) continue;
    for (std::uint32_t p = 0; p < table_.predicates.size(); ++p) {
      const AtomFormula& formula = table_.predicates[p].by_type[i];
      if (formula.steps.empty()) continue;
      slice.atoms().combine(formula, rows, predicate_bits_);
      const std::uint64_t* gain = gains_.data() + std::size_t{p} * mask_words_;
      for (std::size_t w = 0; w < predicate_bits_.size(); ++w) {
        for (std::uint64_t bits = predicate_bits_[w]; bits != 0; bits &= bits - 1) {
          const std::size_t entry = w * 64 + static_cast<std::size_t>(std::countr_zero(bits));
          std::uint64_t* mask = masks.data() + entry * mask_words_;
          for (std::uint32_t j = 0; j < mask_words_; ++j) mask[j] |= gain[j];
        }
      }
    }
  }
}

// Room for `bytes` more after the key bytes used so far.
char* SliceKeys::key_space(std::size_t bytes) {
  if (key_bytes_capacity_ - key_bytes_used_ < bytes) {
    const std::size_t capacity =
        std::max<std::size_t>(std::size_t{key_bytes_capacity_} * 2, key_bytes_used_ + bytes + 4096);
    TOCSIN_ASSERT(capacity <= UINT32_MAX, "a slice's keys stay below 4 GiB");
    auto grown = std::make_unique_for_overwrite<char[]>(capacity);
    if (key_bytes_used_ > 0) std::memcpy(grown.get(), key_bytes_.get(), key_bytes_used_);
    key_bytes_ = std::move(grown);
    key_bytes_capacity_ = static_cast<std::uint32_t>(capacity);
  }
  return key_bytes_.get() + key_bytes_used_;
}

// Writes the row's key bytes after those used so far; gives their number plus one, 0 when a part is
// missing.
std::uint32_t SliceKeys::write_key(const Batch& batch, const Row& row, const KeySource& source) {
  if (source.by_type.empty()) {
    EvalScope scope{program_};
    scope.batch = &batch;
    scope.values_missing = &stats_.values_missing;
    key_values_.clear();
    for (const Expr* expr : source.exprs) {
      key_values_.push_back(evaluate(*expr, EventView{&row, nullptr}, scope));
      if (key_values_.back().is_missing()) return 0;
    }
    return write_values();
  }
  const KeyFields& key = source.by_type[row.type.value];
  if (!key.complete) return 0;
  const Column* columns = batch.types[row.type.value].fields.data();
  if (key.is_one_text) {
    const Column& column = columns[key.fields[0].value];
    if (row.index >= column.known.size() || column.known[row.index] == 0) return 0;
    const std::string_view text = column.texts[row.index];
    char* out = key_space(1 + text.size());
    out[0] = '\x04';  // as cep/value/key.h says
    copy_short(out + 1, text);
    return static_cast<std::uint32_t>(text.size()) + 2;
  }
  const std::vector<Field>& fields = program_.plan->event_types[row.type.value].fields;
  key_values_.clear();
  for (const FieldIndex field : key.fields) {
    key_values_.push_back(column_value(fields[field.value].type, columns[field.value], row.index));
    if (key_values_.back().is_missing()) return 0;
  }
  return write_values();
}
std::uint32_t SliceKeys::write_values() {
  const std::string bytes = key_bytes(key_values_);
  if (!bytes.empty()) std::memcpy(key_space(bytes.size()), bytes.data(), bytes.size());
  return static_cast<std::uint32_t>(bytes.size()) + 1;
}

// The key of `size` bytes that was written last.
void SliceKeys::add_touch(std::uint32_t row, std::uint32_t key_size, std::uint32_t sources,
                          Slice& slice) {
  Touch touch;
  touch.row = row;
  touch.key_begin = key_bytes_used_;
  touch.key_size = key_size;
  touch.sources = sources;
  key_bytes_used_ += key_size;
  touch.hash = hash_key(key_of(touch), seed_);
  unordered_.push_back(touch);
  ++counts_[shard_of_hash(touch.hash)];
  slice.mark_relevant(row);
}

void SliceKeys::find_keys(const std::uint64_t* operators, Slice& slice) {
  const std::vector<Row>& rows = slice.batch().rows;
  const KeySource& source = table_.sources[0];
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const std::uint64_t* mask = mask_of(row);
    std::uint64_t any = 0;
    for (std::uint32_t w = 0; w < table_.operator_words; ++w) any |= mask[w] & operators[w];
    if (any == 0) continue;
    const std::uint32_t written = write_key(slice.batch(), row, source);
    if (written != 0) add_touch(i, written - 1, 1, slice);
  }
}

// A row is seen once under each different key, first under those of its roles.
void SliceKeys::find_keys_of_sources(const std::uint64_t* operators, Slice& slice) {
  const std::vector<Row>& rows = slice.batch().rows;
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const std::size_t first = unordered_.size();
    for (std::uint32_t s = 0; s < table_.sources.size(); ++s) {
      const KeySource& source = table_.sources[s];
      const std::uint64_t* mask = mask_of(row, s < table_.role_places ? s : 0);
      std::uint64_t any = 0;
      for (std::uint32_t w = 0; w < table_.operator_words; ++w) {
        any |= mask[w] & operators[w] & source.operators[w];
      }
      if (any == 0) continue;
      const std::uint32_t written = write_key(slice.batch(), row, source);
      if (written == 0) continue;
      const std::string_view key(key_bytes_.get() + key_bytes_used_, written - 1);
      const auto same =
          std::find_if(unordered_.begin() + static_cast<std::ptrdiff_t>(first), unordered_.end(),
                       [&](const Touch& touch) { return key_of(touch) == key; });
      if (same != unordered_.end()) {
        same->sources |= std::uint32_t{1} << s;
      } else {
        add_touch(i, written - 1, std::uint32_t{1} << s, slice);
      }
    }
  }
}

// What sees the row under this key, and its predicates.
const std::uint64_t* SliceKeys::mask_of(const Row& row, const Touch& touch) {
  if (table_.sources.size() == 1) return mask_of(row);
  std::fill(touch_mask_.begin(), touch_mask_.end(), 0);
  for (std::uint32_t rest = touch.sources; rest != 0; rest &= rest - 1) {
    const auto s = static_cast<std::uint32_t>(std::countr_zero(rest));
    const bool is_own = s < table_.role_places;
    const std::uint64_t* mask = mask_of(row, is_own ? s : 0);
    const std::vector<std::uint64_t>& operators = table_.sources[s].operators;
    for (std::uint32_t w = 0; w < table_.operator_words; ++w) {
      touch_mask_[w] |= mask[w] & operators[w];
    }
    for (std::uint32_t w = table_.operator_words; is_own && w < mask_words_; ++w) {
      touch_mask_[w] |= mask[w];
    }
  }
  return touch_mask_.data();
}
}  // namespace tocsin::cep

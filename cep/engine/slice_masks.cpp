// The masks of a slice's rows in one table.
#include <algorithm>
#include <bit>

#include "cep/engine/slice_keys.h"

namespace tocsin::cep {
void SliceKeys::make_gains() {
  const std::size_t predicates = table_.predicates.size();
  std::vector<std::vector<Gain>> gains(predicates);
  const auto add = [&](std::uint32_t predicate, std::uint32_t word, std::uint64_t bits) {
    std::vector<Gain>& of = gains[predicate];
    const auto same =
        std::find_if(of.begin(), of.end(), [&](const Gain& gain) { return gain.word == word; });
    if (same == of.end()) {
      of.push_back({word, bits});
    } else {
      same->bits |= bits;
    }
  };
  const auto add_bit = [&](std::uint32_t predicate, std::uint32_t word, std::uint32_t bit) {
    add(predicate, word + bit / 64, std::uint64_t{1} << (bit % 64));
  };
  for (const std::uint32_t predicate : table_.bit_predicates[0]) add_bit(predicate, 0, 0);
  std::uint32_t next_bit = 1;
  for (std::uint32_t op = 1; op < table_.bit_predicates.size(); ++op) {
    const bool is_dense =
        next_bit < table_.mask_operators.size() && table_.mask_operators[next_bit] == op;
    std::uint64_t sources = 0;
    for (std::uint32_t s = 0; s < table_.sources.size(); ++s) {
      sources |= std::uint64_t{table_.sources[s].has(op)} << s;
    }
    const std::uint32_t pass = table_.operators[op - 1].pass;
    for (const std::uint32_t predicate : table_.bit_predicates[op]) {
      add(predicate, reach_word_ + pass, sources);
      if (is_dense && !is_continued(op, predicate)) add_bit(predicate, 0, next_bit);
    }
    next_bit += is_dense ? 1 : 0;
  }
  for (std::uint32_t p = 0; p < predicates; ++p) {
    const std::uint32_t place = has_sparse_ ? table_.predicate_places[p] : p;
    if (place == TableProgram::kSparse) continue;
    add_bit(p, operator_words_, place);
    dense_predicates_[place] = p;
  }
  gains_begin_.push_back(0);
  for (const std::vector<Gain>& of : gains) {
    gains_.insert(gains_.end(), of.begin(), of.end());
    gains_begin_.push_back(static_cast<std::uint32_t>(gains_.size()));
  }
}

bool SliceKeys::is_continued(std::uint32_t op, std::uint32_t predicate) const {
  if (!has_sparse_) return false;
  const std::span<const std::uint32_t> continued = table_.continued.of(op);
  return std::find(continued.begin(), continued.end(), predicate) != continued.end();
}

// Each entry's mask, from the bitmaps of dense predicates and the hits of sparse ones.
void SliceKeys::make_masks(const Slice& slice) {
  const std::size_t types = program_.plan->event_types.size();
  const bool only_alerts = masks_version_ >= slice.first_version();
  masks_version_ = slice.version();
  masks_in_work_.clear();
  std::uint64_t entries = 0;
  for (const std::uint32_t i : relevant_masks_) {
    const EventTypeIndex type(i % types);
    if (only_alerts && !program_.plan->event_types[type.value].is_alert()) continue;
    const std::uint32_t rows = slice.rows_of(type);
    masks_[i].resize(std::size_t{rows} * mask_words_);
    work_ += std::uint64_t{rows} * table_.dense_predicates[i].size();
    entries += rows;
    if (rows > 0) masks_in_work_.push_back(i);
  }
  const std::uint32_t parts = parts_of(workers_, entries, 1);
  run_parts(workers_, parts, [&](std::uint32_t part, std::uint32_t /*worker*/) {
    for (const std::uint32_t i : masks_in_work_) {
      const std::uint32_t rows = slice.rows_of(EventTypeIndex(i % types));
      make_masks(slice, i, part_range(rows, part, parts, 64), *parts_[part]);
    }
  });
}

// Those of some entries of a type at a place.
void SliceKeys::make_masks(const Slice& slice, std::uint32_t place, PartRange entries, Part& part) {
  std::uint64_t* const masks = masks_[place].data();
  std::fill(masks + std::size_t{entries.begin} * mask_words_,
            masks + std::size_t{entries.end} * mask_words_, 0);
  if (entries.begin == entries.end) return;
  for (const std::uint32_t p : table_.dense_predicates[place]) {
    slice.atoms().combine(table_.predicates[p].by_type[place], entries, part.stack,
                          part.predicate_bits);
    for (std::size_t w = 0; w < part.predicate_bits.size(); ++w) {
      for (std::uint64_t bits = part.predicate_bits[w]; bits != 0; bits &= bits - 1) {
        const std::size_t entry =
            entries.begin + w * 64 + static_cast<std::size_t>(std::countr_zero(bits));
        gain(masks + entry * mask_words_, p);
      }
    }
  }
  if (!has_sparse_) return;
  const PredicateHits::List& list = slice.hits().of(number_, place);
  auto hit = std::ranges::lower_bound(list.hits, entries.begin, {}, &PredicateHits::Hit::entry);
  for (; hit != list.hits.end() && hit->entry < entries.end; ++hit) {
    std::uint64_t* const mask = masks + std::size_t{hit->entry} * mask_words_;
    for (std::uint32_t h = hit->begin; h < hit->end; ++h) gain(mask, list.predicates[h]);
    mask[mask_words_ - 1] = std::uint64_t{hit->begin} << 32 | (hit->end - hit->begin);
  }
}

// What sees the row under this key, and its predicates.
const std::uint64_t* SliceKeys::joined_mask(const Row& row, const Touch& touch,
                                            Scratch& scratch) const {
  scratch.mask.assign(mask_words_, 0);
  for (std::uint32_t rest = touch.sources; rest != 0; rest &= rest - 1) {
    const auto s = static_cast<std::uint32_t>(std::countr_zero(rest));
    const bool is_own = s < table_.role_places;
    const std::uint64_t* mask = mask_of(row, is_own ? s : 0);
    const std::vector<std::uint64_t>& operators = source_masks_[s];
    for (std::uint32_t w = 0; w < operator_words_; ++w) scratch.mask[w] |= mask[w] & operators[w];
    for (std::uint32_t w = operator_words_; is_own && w < reach_word_; ++w) {
      scratch.mask[w] |= mask[w];
    }
  }
  return scratch.mask.data();
}

std::span<const std::uint32_t> SliceKeys::sparse_of(const Row& row, const Touch& touch,
                                                    const Slice& slice, Scratch& scratch) const {
  if (!has_sparse_) return {};
  if (table_.sources.size() == 1) return sparse_at(row, 0, slice);
  scratch.sparse.clear();
  for (std::uint32_t s = 0; s < table_.role_places; ++s) {
    if ((touch.sources >> s & 1) == 0) continue;
    const std::span<const std::uint32_t> hits = sparse_at(row, s, slice);
    scratch.sparse.insert(scratch.sparse.end(), hits.begin(), hits.end());
  }
  std::sort(scratch.sparse.begin(), scratch.sparse.end());
  scratch.sparse.erase(std::unique(scratch.sparse.begin(), scratch.sparse.end()),
                       scratch.sparse.end());
  return scratch.sparse;
}

void SliceKeys::count_predicates(const Slice& slice, std::vector<std::uint64_t>& rows) const {
  for (const Row& row : slice.batch().rows) {
    if (!std::ranges::binary_search(relevant_types_, row.type.value)) continue;
    for (std::uint32_t w = operator_words_; w < reach_word_; ++w) {
      std::uint64_t bits = 0;
      for (std::uint32_t place = 0; place < table_.role_places; ++place) {
        bits |= mask_of(row, std::size_t{place})[w];
      }
      for (; bits != 0; bits &= bits - 1) {
        const std::size_t place = (w - operator_words_) * std::size_t{64} +
                                  static_cast<std::size_t>(std::countr_zero(bits));
        ++rows[dense_predicates_[place]];
      }
    }
    // A sparse predicate of several roles may be counted once for each.
    for (std::uint32_t place = 0; place < table_.role_places; ++place) {
      for (const std::uint32_t predicate : sparse_at(row, place, slice)) ++rows[predicate];
    }
  }
}
}  // namespace tocsin::cep

/// The keys of a slice's rows in one table: which rows its operators can use, under which keys, by
/// shard. It is made once for a version of the slice's rows and read by each pass.
///
/// Invariants: touches stand by shard, in a shard by row; a row stands once under each different
/// key. A row's mask is as wide as what is dense (cep/compile/predicate_index.h). Bit 0 says that
/// something may begin at the row, the bits behind it which dense operators see it; then come the
/// bits of the dense predicates that hold; then a word for each pass: under which sources any
/// operator of that pass sees the row; last, where the table has sparse predicates, the place and
/// number of those that hold.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/workers.h"
#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/eval/slice.h"
#include "cep/plan/event_type.h"
#include "cep/record/engine_stats.h"
#include "cep/value/group_range.h"
#include "cep/value/shard.h"

namespace tocsin::cep {
class SliceKeys {
 public:
  /// A row at one of its keys.
  struct Touch {
    std::uint64_t hash = 0;
    std::uint32_t row = 0;
    std::uint32_t key_begin = 0;  // among the bytes of all keys
    std::uint32_t key_size = 0;
    std::uint32_t sources = 1;  // of this key, as bits
  };

  /// What the questions about a touch need; one for each thread that asks.
  struct Scratch {
    std::vector<std::uint64_t> mask;
    std::vector<std::uint32_t> sparse;
  };

  /// `workers` may be null: then one thread finds all keys.
  SliceKeys(const ProgramImpl& program, std::uint32_t table, std::uint64_t hash_seed,
            EngineStats& stats, Workers* workers);
  /// Finds the rows that an operator of this pass or a later one may use, and their keys. False
  /// when the slice's rows are those of the call before: then nothing has changed.
  bool resolve(std::uint32_t pass, Slice& slice);
  /// From now on keys of other groups are left out.
  void own(KeyGroupRange groups) { owned_ = groups; }

  std::uint32_t size() const { return static_cast<std::uint32_t>(touches_.size()); }
  /// The touches of a shard are those from begin_of(shard) to before end_of(shard).
  std::uint32_t begin_of(std::uint32_t shard) const { return shard_begin_[shard]; }
  std::uint32_t end_of(std::uint32_t shard) const { return shard_begin_[shard + 1]; }
  const Touch& touch(std::uint32_t index) const { return touches_[index]; }
  std::string_view key_of(const Touch& touch) const {
    return {key_bytes_ + touch.key_begin, touch.key_size};
  }
  /// The row's mask under its role's key at this place; requires a row of a type that an operator
  /// of the table can use.
  const std::uint64_t* mask_of(const Row& row, std::size_t place = 0) const {
    return masks_[place * program_.plan->event_types.size() + row.type.value].data() +
           std::size_t{row.index} * mask_words_;
  }
  /// The row's mask under the touch's key; valid until the next call with this scratch.
  const std::uint64_t* mask_of(const Row& row, const Touch& touch, Scratch& scratch) const {
    return table_.sources.size() == 1 ? mask_of(row) : joined_mask(row, touch, scratch);
  }
  /// Words of a mask before the bits of predicates.
  std::uint32_t operator_words() const { return operator_words_; }
  /// The sparse predicates that hold at the row under the touch's key, ascending; valid until the
  /// next call with this scratch.
  std::span<const std::uint32_t> sparse_of(const Row& row, const Touch& touch, const Slice& slice,
                                           Scratch& scratch) const;
  /// Calls `visit(op)` for each operator that is not dense and that one of them wakes; for one
  /// operator perhaps more than once.
  template <typename Visit>
  void for_each_woken(const Row& row, const Touch& touch, const Slice& slice, Visit&& visit) const {
    for (std::uint32_t rest = touch.sources; rest != 0; rest &= rest - 1) {
      const auto s = static_cast<std::uint32_t>(std::countr_zero(rest));
      const KeySource& source = table_.sources[s];
      for (const std::uint32_t predicate : sparse_at(row, s < table_.role_places ? s : 0, slice)) {
        for (const std::uint32_t op : table_.woken.of(predicate)) {
          if (source.has(op)) visit(op);
        }
      }
    }
  }
  /// Adds one to `rows`, by predicate, for each row of the slice at which it holds; `slice` is
  /// that of the last resolve().
  void count_predicates(const Slice& slice, std::vector<std::uint64_t>& rows) const;
  /// Predicates of this table that were evaluated for entries of columns, ever.
  std::uint64_t work() const { return work_; }

 private:
  const std::uint64_t* joined_mask(const Row& row, const Touch& touch, Scratch& scratch) const;
  // The keys of some of the rows, next to each other; one thread finds them. Two do not write to
  // one cache line.
  struct alignas(64) Part {
    std::uint32_t row_begin = 0;
    std::uint32_t row_end = 0;
    std::vector<Touch> touches;  // in the order of rows
    std::array<std::uint32_t, kShardCount> counts{};
    std::unique_ptr<char[]> key_bytes;  // of its touches
    std::uint32_t key_bytes_used = 0;
    std::uint32_t key_bytes_capacity = 0;
    std::vector<Value> key_values;
    std::string key_text;  // of them
    std::uint64_t values_missing = 0;
    // Where they go: by shard the next place among all touches, and the place of its key bytes.
    std::array<std::uint32_t, kShardCount> next{};
    std::uint32_t joined_at = 0;
    // Of the predicate in work, over the entries whose masks the part makes.
    AtomBits::Words predicate_bits;
    AtomBits::Stack stack;

    void begin(std::uint32_t first, std::uint32_t end);
    // Room for so many bytes more after the key bytes used so far.
    char* key_space(std::size_t bytes) {
      if (key_bytes_capacity - key_bytes_used < bytes) grow_key_space(bytes);
      return key_bytes.get() + key_bytes_used;
    }
    void grow_key_space(std::size_t bytes);
    void keep(KeyGroupRange groups);
    std::uint32_t write_values();
  };
  void find_relevant_types();
  void make_masks(const Slice& slice);
  void make_masks(const Slice& slice, std::uint32_t place, PartRange entries, Part& part);
  void find_relevant_rows(const Slice& slice);
  // Calls `visit(row)` for the part's rows of relevant types, in their order.
  template <typename Visit>
  void for_each_row(const Part& part, Visit&& visit) const {
    if (part.row_begin == part.row_end) return;
    const std::uint32_t last = (part.row_end - 1) / 64;
    for (std::uint32_t w = part.row_begin / 64; w <= last; ++w) {
      std::uint64_t bits = relevant_rows_[w];
      if (w == part.row_begin / 64) bits &= ~std::uint64_t{0} << (part.row_begin % 64);
      if (w == last) bits &= ~std::uint64_t{0} >> (63 - (part.row_end - 1) % 64);
      for (; bits != 0; bits &= bits - 1) {
        visit(w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
      }
    }
  }
  std::uint32_t divide(std::uint32_t rows);
  std::uint32_t write_texts(const Batch& batch, const Row& row, const KeyFields& key,
                            Part& part) const;
  std::uint32_t write_key(const Batch& batch, const Row& row, const KeySource& source,
                          Part& part) const;
  static std::uint32_t write_text(std::string_view text, Part& part);
  void add_touch(std::uint32_t row, std::uint32_t key_size, std::uint32_t sources, Slice& slice,
                 Part& part) const;
  void read_text_keys(const Batch& batch);
  void find_text_keys(std::uint32_t pass, Slice& slice, Part& part) const;
  void find_keys(std::uint32_t pass, Slice& slice, Part& part) const;
  void find_keys_of_sources(std::uint32_t pass, Slice& slice, Part& part) const;
  void order_by_shard(std::uint32_t parts);
  void make_gains();
  bool is_continued(std::uint32_t op, std::uint32_t predicate) const;
  void gain(std::uint64_t* mask, std::uint32_t predicate) const {
    for (std::uint32_t i = gains_begin_[predicate]; i < gains_begin_[predicate + 1]; ++i) {
      mask[gains_[i].word] |= gains_[i].bits;
    }
  }
  // Whether an operator of the pass, or a later one, sees the row under the source.
  bool is_seen(const std::uint64_t* mask, std::uint32_t pass, std::uint32_t source) const {
    std::uint64_t sources = 0;
    for (std::uint32_t p = pass; p < program_.pass_count; ++p) sources |= mask[reach_word_ + p];
    return (sources >> source & 1) != 0;
  }
  std::span<const std::uint32_t> sparse_at(const Row& row, std::uint32_t place,
                                           const Slice& slice) const {
    if (!has_sparse_) return {};
    const std::uint64_t hits = mask_of(row, std::size_t{place})[mask_words_ - 1];
    if (hits == 0) return {};
    const std::size_t types = program_.plan->event_types.size();
    const auto at = static_cast<std::uint32_t>(place * types) + row.type.value;
    return std::span(slice.hits().of(number_, at).predicates)
        .subspan(hits >> 32, hits & UINT32_MAX);
  }

  const ProgramImpl& program_;
  const TableProgram& table_;
  std::uint64_t seed_;
  EngineStats& stats_;
  Workers* workers_;
  std::uint32_t number_;  // of the table
  bool has_sparse_;
  std::uint32_t operator_words_;
  std::uint32_t reach_word_;  // the first
  std::uint32_t mask_words_;
  // By predicate: what a row's mask gains where it holds.
  struct Gain {
    std::uint32_t word = 0;
    std::uint64_t bits = 0;
  };
  std::vector<std::uint32_t> gains_begin_;
  std::vector<Gain> gains_;
  // Of a table whose only key is one text: by event type, its column in the slice in work.
  struct TextKey {
    const std::uint64_t* masks = nullptr;
    const std::uint8_t* known = nullptr;
    const std::string_view* texts = nullptr;
    std::size_t rows = 0;
  };
  std::vector<TextKey> text_keys_;                        // empty for other tables
  std::vector<std::vector<std::uint64_t>> source_masks_;  // by source: the bits that it may set
  std::vector<std::vector<bool>> text_parts_;  // by source and event type: all key fields are texts
  // Rows of other types than these are of no use to the table: they have no masks.
  std::vector<std::uint32_t> relevant_masks_;  // places in masks_
  std::vector<std::uint32_t> relevant_types_;
  std::vector<std::uint64_t> relevant_rows_;     // bits: the slice's rows of these types
  std::vector<std::uint32_t> dense_predicates_;  // by place
  std::uint64_t version_ = 0;                    // of the slice's rows that touches_ are of
  std::uint64_t masks_version_ = 0;  // the first of the slice's versions that masks_ are of
  // By place of a role, then event type: mask_words_ for each entry; empty if not relevant.
  std::vector<std::vector<std::uint64_t>> masks_;
  std::uint64_t work_ = 0;
  std::vector<std::uint32_t> masks_in_work_;
  static constexpr std::uint32_t kPartsOfWorker = 2;
  std::vector<std::unique_ptr<Part>> parts_;  // one at least
  std::optional<KeyGroupRange> owned_;        // nothing: all
  std::vector<Touch> touches_;
  std::array<std::uint32_t, kShardCount + 1> shard_begin_{};
  const char* key_bytes_ = nullptr;  // of all touches: the only part's, or joined ones
  std::vector<char> joined_bytes_;
};
}  // namespace tocsin::cep

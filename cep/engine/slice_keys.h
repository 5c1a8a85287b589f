/// The keys of a slice's rows in one table: which rows its operators can use, under which keys, by
/// shard. It is made once for a version of the slice's rows and read by each pass.
///
/// Invariants: touches stand by shard, in a shard by row; a row stands once under each different
/// key; bit 0 of a row's mask says that something may begin at it, the other bits which operators
/// see it, and the words behind them which of the table's predicates hold.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/match/slice.h"
#include "cep/plan/event_type.h"
#include "cep/record/engine_stats.h"
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

  SliceKeys(const ProgramImpl& program, const TableProgram& table, std::uint64_t hash_seed,
            EngineStats& stats);
  /// Finds the rows that one of the operators (bits as in a mask) may use, and their keys. False
  /// when the slice's rows are those of the call before: then nothing has changed.
  bool resolve(const std::vector<std::uint64_t>& operators, Slice& slice);

  std::uint32_t size() const { return static_cast<std::uint32_t>(touches_.size()); }
  /// The touches of a shard are those from begin_of(shard) to before end_of(shard).
  std::uint32_t begin_of(std::uint32_t shard) const { return shard_begin_[shard]; }
  std::uint32_t end_of(std::uint32_t shard) const { return shard_begin_[shard + 1]; }
  const Touch& touch(std::uint32_t index) const { return touches_[index]; }
  std::string_view key_of(const Touch& touch) const {
    return {key_bytes_.get() + touch.key_begin, touch.key_size};
  }
  /// The row's mask under its role's key at this place.
  const std::uint64_t* mask_of(const Row& row, std::size_t place = 0) const {
    return masks_[place * program_.plan->event_types.size() + row.type.value].data() +
           std::size_t{row.index} * mask_words_;
  }
  /// The row's mask under the touch's key; valid until the next call.
  const std::uint64_t* mask_of(const Row& row, const Touch& touch);

 private:
  void make_masks(const Slice& slice);
  char* key_space(std::size_t bytes);
  std::uint32_t write_key(const Batch& batch, const Row& row, const KeySource& source);
  std::uint32_t write_values();
  void add_touch(std::uint32_t row, std::uint32_t key_size, std::uint32_t sources, Slice& slice);
  void find_keys(const std::uint64_t* operators, Slice& slice);
  void find_keys_of_sources(const std::uint64_t* operators, Slice& slice);

  const ProgramImpl& program_;
  const TableProgram& table_;
  std::uint64_t seed_;
  EngineStats& stats_;
  std::uint32_t mask_words_;
  std::vector<std::uint64_t> gains_;  // by predicate: what a row's mask gains where it holds
  std::uint64_t version_ = 0;         // of the slice's rows that touches_ are of
  std::uint64_t masks_version_ = 0;   // the first of the slice's versions that masks_ are of
  // By place of a role, then event type: mask_words_ for each entry.
  std::vector<std::vector<std::uint64_t>> masks_;
  std::vector<std::uint64_t> touch_mask_;  // of a touch by several sources
  AtomBits::Words predicate_bits_;
  std::vector<Touch> unordered_;
  std::vector<Touch> touches_;
  std::array<std::uint32_t, kShardCount> counts_{};
  std::array<std::uint32_t, kShardCount + 1> shard_begin_{};
  std::unique_ptr<char[]> key_bytes_;  // of all touches
  std::uint32_t key_bytes_used_ = 0;
  std::uint32_t key_bytes_capacity_ = 0;
  std::vector<Value> key_values_;
};
}  // namespace tocsin::cep

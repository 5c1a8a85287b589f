/// One slice in work: its rows, the atoms' bits over them, the value columns that cross between
/// passes, and the alerts of earlier passes as rows of later ones.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "cep/base/workers.h"
#include "cep/compile/program.h"
#include "cep/data/alert.h"
#include "cep/data/batch.h"
#include "cep/data/text_scratch.h"
#include "cep/eval/atom_bits.h"
#include "cep/eval/predicate_hits.h"
#include "cep/record/alert_rows.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Values by entry, of which few may be written: what is not written is missing, and takes a byte.
/// Threads may write different entries at a time.
class ValueColumn {
 public:
  /// Forgets all values.
  void clear() { is_written_.clear(); }
  /// Has so many entries from now on, no fewer than before.
  void resize(std::size_t entries) {
    is_written_.resize(entries);
    if (values_.size() < entries) values_.resize(entries);
  }
  const Value& at(std::size_t entry) const {
    return is_written_[entry] != 0 ? values_[entry] : missing_;
  }
  bool is_written(std::size_t entry) const { return is_written_[entry] != 0; }
  void put(std::size_t entry, const Value& value) {
    values_[entry] = value;
    is_written_[entry] = 1;
  }

 private:
  std::vector<std::uint8_t> is_written_;
  std::vector<Value> values_;  // at least as many; what is not written is of earlier slices
  Value missing_ = Value::missing();
};

class Slice {
 public:
  /// `workers`, which may be null, outlive it.
  explicit Slice(const ProgramImpl& program, Workers* workers = nullptr);
  /// Engine::advance() begins: clears this thread's text_scratch().
  void begin_texts() { texts_ = begin_text_scratch(); }
  /// The thread works on this slice: the same, once.
  void join_texts() const { join_text_scratch(texts_); }
  /// Evaluates the atoms over a batch's rows. Adds to `values_missing`.
  void begin(const Batch& batch, std::uint64_t& values_missing);
  /// Puts what rules read of these alerts, which have their ids, among the rows: each directly
  /// after its cause. Adds to `values_missing`.
  void add_alerts(std::span<const Alert> alerts, std::uint64_t& values_missing);
  /// The rows in work: those given, and alerts.
  const Batch& batch() const { return *batch_; }
  /// Grows by one when rows came to it.
  std::uint64_t version() const { return version_; }
  /// The version that begin() gave.
  std::uint64_t first_version() const { return first_version_; }
  /// What a row of batch() is called in all passes.
  std::uint32_t number_of(std::uint32_t row) const {
    return numbers_.empty() ? row : numbers_[row];
  }
  const AtomBits& atoms() const { return atoms_; }
  const PredicateHits& hits() const { return hits_; }
  /// A bit for each row of batch() that is of the type; empty where none is.
  std::span<const std::uint64_t> rows_as_bits(EventTypeIndex type) const {
    if (rows_of(type) == 0) return {};
    return row_bits_[type.value];
  }
  /// Entries of the type's columns that rows of this slice have.
  std::uint32_t rows_of(EventTypeIndex type) const { return rows_of_type_[type.value]; }
  /// A value column by number; missing where nothing wrote a value. Texts are owned by whoever
  /// wrote it. For a feature of a table with
  /// roles: by number * role places + place.
  ValueColumn& values(FeatureIndex value) { return values_[value.value]; }
  /// Marks a row of batch() as one that reached a key record.
  void mark_relevant(std::uint32_t row) {
    const std::uint32_t number = number_of(row);
    if (number < relevant_.size()) relevant_[number] = 1;
  }
  std::uint64_t relevant_rows() const;
  /// Marks a number at which a watched rule raised or held back an alert. May be called by several
  /// threads.
  void mark_alerted(RuleIndex rule, std::uint32_t number);
  /// Rules from this one on make no alerts; nothing: all make them.
  void mute_from(std::optional<RuleIndex> first) { muted_from_ = first; }
  bool is_muted(RuleIndex rule) const { return muted_from_ && rule >= *muted_from_; }
  bool is_alerted(RuleIndex rule, std::uint32_t number) const {
    const std::vector<std::uint8_t>& marks = alerted_[rule.value];
    return number < marks.size() && marks[number] != 0;
  }

 private:
  void count_rows();
  void note_rows();
  void size_values();
  void merge_rows();

  const ProgramImpl& program_;
  Workers* workers_;
  const Batch* batch_ = nullptr;
  AtomBits atoms_;
  PredicateHits hits_;
  std::vector<std::uint32_t> rows_of_type_;
  std::vector<std::uint32_t> rows_of_part_;           // by part, then type
  std::vector<std::vector<std::uint64_t>> row_bits_;  // by type; void where it has no rows
  std::vector<ValueColumn> values_;                   // by value
  std::vector<std::uint8_t> relevant_;
  // By rule, then number; the rules that have marks, because they are watched.
  std::vector<std::vector<std::uint8_t>> alerted_;
  std::vector<RuleIndex> watched_;
  std::optional<RuleIndex> muted_from_;
  // Where alerts came among the rows.
  const Batch* given_ = nullptr;
  Batch merged_;
  AlertRows alert_rows_;
  std::uint64_t texts_ = 0;  // of begin_text_scratch()
  std::uint64_t version_ = 0;
  std::uint64_t first_version_ = 0;
  std::vector<std::uint32_t> numbers_;  // by row of merged_
  // The values that have columns, ascending, each with its table's places of roles.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> columns_;
};
}  // namespace tocsin::cep

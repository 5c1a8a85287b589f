/// The lines of a decoded block as an intake takes them, one after the other, with their rows.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "cep/data/batch.h"
#include "runtime/decode/decoded_block.h"

namespace tocsin::runtime {
/// Where an intake is in a block. A line is selected by next(); its row, where it has one, is then
/// kept or dropped. Threading: one caller at a time.
class BlockLines {
 public:
  /// Begins a block, which stays until all lines were selected. The numbers of its lines go on from
  /// those of the block before.
  void begin(DecodedBlock& block);
  /// The next block is the first of another file: its lines are numbered from 1. Requires that all
  /// lines were selected.
  void begin_file() { lines_before_ = line_count_ = 0; }
  /// Whether all lines were selected.
  bool is_done() const { return block_ == nullptr || at_ == block_->lines.size(); }
  /// Selects the next line; requires !is_done().
  const BlockLine& next() {
    const BlockLine& line = block_->lines[at_++];
    if (line.used) {
      if (row_ == row_count_) begin_batch(batch_number_ + 1);
      ++row_;
    }
    return line;
  }
  /// The lines that were not selected yet.
  std::span<const BlockLine> rest() const { return std::span(block_->lines).subspan(at_); }
  /// The rows of the batch that was begun that belong to them.
  std::span<cep::Row> rest_of_rows() {
    if (is_batch_done()) return {};  // and may be somebody else's
    return std::span(batch_->rows).subspan(row_, row_count_ - row_);
  }
  /// Selects so many lines at once, whose rows are so many of that batch.
  void select_all(std::size_t lines, std::size_t rows) {
    at_ += lines;
    row_ += rows;
  }
  /// The number of a line in its input.
  std::uint64_t number(const BlockLine& line) const { return lines_before_ + line.number; }
  /// What writes the texts of the lines; null where they are there.
  LineTexts* texts() const { return block_->texts; }
  /// What was wrong with the fields of the line selected; each is given once.
  std::span<const DecodedBlock::Problem> take_problems();
  /// Why the line selected, no event and not too long, is none; each is given once.
  const LineFault& take_fault() { return block_->faults[fault_++]; }

  /// The batch of the row selected, and the row.
  cep::Batch& batch() { return *batch_; }
  std::size_t row_index() const { return row_ - 1; }
  cep::Row& row() { return batch().rows[row_ - 1]; }
  /// The row selected is not to be given.
  void drop() { dropped_.push_back(static_cast<std::uint32_t>(row_ - 1)); }
  /// Whether the batch's last row was selected.
  bool is_batch_done() const { return row_ == row_count_; }

  /// Rows of the batch, up to the one selected, that were not given and not dropped: whether they
  /// are all of the batch's.
  bool has_all_rows() const { return first_ == 0 && is_batch_done() && dropped_.empty(); }
  bool has_rows() const { return row_ - first_ > dropped_.size(); }
  /// Copies them to `slice`, which is made for the plan and empty; it borrows texts from the batch.
  void copy_rows(cep::Batch& slice);
  /// They were given.
  void rows_given() {
    first_ = row_;
    dropped_.clear();
  }
  /// Where the batch is owned: it may be moved from there, to stay where it is.
  std::unique_ptr<cep::Batch>& owner() { return block_->batches[batch_number_]; }
  /// The batch's number in a store, once it was put in one.
  std::optional<std::uint64_t> stored;

 private:
  void begin_batch(std::size_t number);

  DecodedBlock* block_ = nullptr;
  std::uint64_t lines_before_ = 0;  // in the blocks before
  std::uint64_t line_count_ = 0;    // in this one
  std::size_t at_ = 0;              // of the next line
  cep::Batch* batch_ = nullptr;
  std::size_t batch_number_ = 0;
  std::size_t row_count_ = 0;  // of the batch; whoever gets the rows may leave some out
  std::size_t row_ = 0;        // behind the one selected
  std::size_t first_ = 0;      // of the batch's rows that were not given
  std::size_t problem_ = 0;    // the next one
  std::size_t fault_ = 0;
  std::vector<std::uint32_t> dropped_;  // of the rows from `first_` on
};

/// Batches that would go out with their block, and that copied rows still borrow from.
class LentBatches {
 public:
  /// Keeps the batch of the row selected, if that is its last: the slice that is given next, or the
  /// one before, borrows from it.
  void keep(BlockLines& lines) {
    if (lines.is_batch_done()) now_.push_back(std::move(lines.owner()));
  }
  /// A slice was given: the one before it is not in use any more.
  void slice_given() {
    before_.clear();
    std::swap(now_, before_);
  }

 private:
  std::vector<std::unique_ptr<cep::Batch>> now_;
  std::vector<std::unique_ptr<cep::Batch>> before_;
};
}  // namespace tocsin::runtime

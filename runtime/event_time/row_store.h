/// Decoded rows that wait for their place in time, in the batches they were decoded into, and
/// slices gathered from them: columns are copied value by value, texts stay where they are.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cep/data/batch.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/decode/decoder.h"
#include "runtime/event_time/reorder_buffer.h"
#include "runtime/io/line_source.h"

namespace tocsin::runtime {
/// Owns the batches that a decoder fills one after the other, and those of blocks. A batch is used
/// again once its last row was gathered and released. Threading: one caller at a time.
class RowStore {
 public:
  /// All must outlive the store. `rows_per_batch_max` <= kRowsPerBatchMax. Lines are kept for
  /// line_of() where that is wanted.
  RowStore(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
           Decoder& decoder, std::size_t rows_per_batch_max, bool keeps_lines);
  /// Keeps the event that the decoder just decoded from `line`; its place ascends with every call.
  std::uint64_t keep(cep::EventTime engine_time, cep::ArrivalNumber arrival, const Line& line,
                     std::size_t source);
  /// Takes a batch that was decoded elsewhere, all of whose rows wait from here on, and gives one
  /// that is empty, or null, for it; the batch's number. Requires that lines are not kept.
  std::uint64_t adopt(std::unique_ptr<cep::Batch>& batch);
  /// The place of a row of a batch that was adopted.
  static std::uint64_t place_of(std::uint64_t batch, std::size_t row) {
    return batch * kRowsPerBatchMax + row;
  }
  /// A row of a batch that was adopted is not to be gathered.
  void drop_one_of(std::uint64_t batch) {
    --held_[static_cast<std::size_t>(batch - first_sequence_)].waiting;
  }
  /// A row that waits is not to be gathered. Requires that lines are kept.
  void drop(std::uint64_t place) {
    Held& held = held_[static_cast<std::size_t>(place / kRowsPerBatchMax - first_sequence_)];
    held.lines[place % kRowsPerBatchMax].gathered = cuts_;
    --held.waiting;
  }
  /// Its line.
  std::string_view line_of(std::uint64_t place) const {
    const Held& held = held_[static_cast<std::size_t>(place / kRowsPerBatchMax - first_sequence_)];
    return held.lines[place % kRowsPerBatchMax].text;
  }
  /// A kept event that was not gathered yet, and its batch.
  struct KeptRow {
    const cep::Batch& batch;
    const cep::Row& row;
  };
  KeptRow kept(std::uint64_t place) const {
    const Held& held = held_[static_cast<std::size_t>(place / kRowsPerBatchMax - first_sequence_)];
    return {*held.batch, held.batch->rows[place % kRowsPerBatchMax]};
  }
  /// Fills `slice` (made for the plan) with these rows, in this order. Its texts stay until
  /// release().
  void gather(std::span<const WaitingRow> rows, cep::Batch& slice);
  /// Gives up what the slices gathered so far borrowed, all but the last so many of them.
  void release(std::uint64_t all_but = 0);
  /// Cuts here: the rows that wait now stay until next_of_save() gave them or end_save(), whatever
  /// is gathered meanwhile. Requires that lines are kept, and that a cut before has ended.
  void begin_save();
  /// A row of the cut, its line and its source; borrowed until the next call of any other member.
  struct SavedRow {
    const cep::Row* row = nullptr;
    Line line;
    std::size_t source = 0;
  };
  /// The next row of the cut, in the order of arrival; nothing after the last, or where so many
  /// places were looked at that had none: is_saving() then tells.
  std::optional<SavedRow> next_of_save();
  bool is_saving() const { return is_saving_; }
  void end_save() { is_saving_ = false; }
  /// Memory of all batches with rows that still wait, about.
  std::size_t bytes() const;

  static constexpr std::size_t kRowsPerBatchMax = std::size_t{1} << 16;

 private:
  // A kept line; its text is the row's own where that has one.
  struct KeptLine {
    std::string_view text;
    std::uint64_t number = 0;
    std::uint32_t source = 0;
    std::uint32_t gathered = 0;  // after which cut, from 1; 0: not yet
  };
  struct Held {
    std::unique_ptr<cep::Batch> batch;  // null once it was given up
    std::vector<KeptLine> lines;        // of each row, where they are kept
    cep::TextArena line_texts;
    std::size_t waiting = 0;
    std::size_t bytes = 0;         // known once the batch is full
    std::uint64_t last_slice = 0;  // that has rows of it, from 1; 0: none
  };
  // Where a row of one type came from.
  struct Origin {
    const cep::TypeColumns* columns = nullptr;
    std::uint32_t index = 0;
  };
  struct UsedField {
    std::size_t field = 0;
    bool is_text = false;
  };
  void begin_batch();
  void end_batch();
  std::size_t bytes_of(const cep::Batch& batch) const;
  std::size_t last_bytes() const;
  // Whether the cut needs the batch.
  bool is_pinned(std::size_t held) const {
    return is_saving_ && first_sequence_ + held >= save_next_ / kRowsPerBatchMax;
  }

  const cep::Plan& plan_;
  Decoder& decoder_;
  std::size_t rows_per_batch_max_;
  bool keeps_lines_;
  std::deque<Held> held_;             // the last is being filled
  std::uint64_t first_sequence_ = 0;  // of held_.front()
  std::size_t full_bytes_ = 0;        // of all held batches but the last
  std::uint64_t slices_ = 0;          // gathered so far
  std::vector<std::unique_ptr<cep::Batch>> spare_;
  bool is_saving_ = false;
  std::uint32_t cuts_ = 1;       // so far, and one
  std::uint64_t save_next_ = 0;  // the place that is looked at next
  std::uint64_t save_end_ = 0;
  std::vector<std::vector<UsedField>> used_fields_;  // by event type
  std::vector<std::vector<Origin>> origins_;         // by event type
};
}  // namespace tocsin::runtime

/// Decoded rows that wait for their place in time, in the batches they were decoded into, and
/// slices gathered from them: columns are copied value by value, texts stay where they are.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "cep/batch.h"
#include "cep/plan.h"
#include "runtime/decoder.h"
#include "runtime/line_source.h"
#include "runtime/reorder_buffer.h"

namespace tocsin::runtime {
/// Owns the batches that a decoder fills one after the other. A batch is used again once its last
/// row was gathered and released. Threading: one caller at a time.
class RowStore {
 public:
  /// All must outlive the store. `rows_per_batch_max` <= kRowsPerBatchMax. Lines are kept for
  /// line_of() where that is wanted.
  RowStore(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
           Decoder& decoder, std::size_t rows_per_batch_max, bool keeps_lines);
  /// Keeps the event that the decoder just decoded from `line`; its place ascends with every call.
  std::uint64_t keep(cep::EventTime engine_time, cep::ArrivalNumber arrival, const Line& line);
  /// Fills `slice` (made for the plan) with these rows, in this order. Its texts stay until
  /// release().
  void gather(std::span<const WaitingRow> rows, cep::Batch& slice);
  /// Gives up what the slices gathered so far borrowed.
  void release();
  /// A row that waits, and the line it was decoded from, where lines are kept; borrowed.
  const cep::Row& row_of(std::uint64_t place) const;
  Line line_of(std::uint64_t place) const;
  /// Memory of all batches with rows that still wait, about.
  std::size_t bytes() const;

  static constexpr std::size_t kRowsPerBatchMax = std::size_t{1} << 16;

 private:
  // A kept line; its text is the row's own where that has one.
  struct KeptLine {
    std::string_view text;
    std::uint64_t number = 0;
  };
  struct Held {
    std::unique_ptr<cep::Batch> batch;  // null once it was given up
    std::vector<KeptLine> lines;        // of each row, where they are kept
    cep::TextArena line_texts;
    std::size_t waiting = 0;
    std::size_t bytes = 0;  // known once the batch is full
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
  std::size_t last_bytes() const;
  const Held& held_of(std::uint64_t place) const {
    return held_[static_cast<std::size_t>(place / kRowsPerBatchMax - first_sequence_)];
  }

  const cep::Plan& plan_;
  Decoder& decoder_;
  std::size_t rows_per_batch_max_;
  bool keeps_lines_;
  std::deque<Held> held_;             // the last is being filled
  std::uint64_t first_sequence_ = 0;  // of held_.front()
  std::size_t full_bytes_ = 0;        // of all held batches but the last
  std::vector<std::unique_ptr<cep::Batch>> spare_;
  std::vector<std::vector<UsedField>> used_fields_;  // by event type
  std::vector<std::vector<Origin>> origins_;         // by event type
};
}  // namespace tocsin::runtime

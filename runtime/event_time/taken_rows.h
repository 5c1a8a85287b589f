/// Rows of events that were taken, from the line at hand to slices.
///
/// With one source and bound 0 rows come in order: what the decoder or a block holds is a slice.
/// From the first line on that may stand out of order rows are put in a store, wait there for their
/// turn (runtime/event_time/waiting_rows.h), and are gathered.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cep/base/byte_codec.h"
#include "cep/base/result.h"
#include "cep/data/batch.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/decode/decoder.h"
#include "runtime/event_time/block_lines.h"
#include "runtime/event_time/intake_options.h"
#include "runtime/event_time/line_reports.h"
#include "runtime/event_time/row_store.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/waiting_rows.h"
#include "runtime/event_time/watermarks.h"
#include "runtime/io/line_source.h"
#include "runtime/unique/equal_numbers.h"
#include "runtime/unique/ordered_rows.h"
#include "runtime/unique/unique_filter.h"

namespace tocsin::runtime {
/// One line is at hand at a time, of the decoder or of a block; where it is a used event its row is
/// then kept or dropped. Invariant: rows leave in the order of engine time and arrival, each once,
/// and repeats of `unique` ids not at all. Threading: one caller at a time.
class TakenRows {
 public:
  /// All but `options` and `advance` must outlive it.
  TakenRows(const UsedEvents& used, const IntakeOptions& options, const Watermarks& marks,
            WaitingRows& waiting, LineReports& reports, RunSummary& summary, Advance advance);
  TakenRows(const TakenRows&) = delete;
  TakenRows& operator=(const TakenRows&) = delete;

  /// From the next line on rows may come out of order.
  void need_store() { needs_store_ = !store_; }
  /// Whether they may already, or from the next line on.
  bool has_store() const { return store_ || needs_store_; }
  /// Comes before lines are taken.
  void begin_lines() {
    if (needs_store_) begin_store();
  }
  /// Decodes a line, which is at hand from here on.
  Decoded decode(const Line& line) { return decoder_.decode(line.text, line.marked); }
  /// The same of a line that was kept, which has no padding.
  Decoded decode_again(std::string_view line);
  /// Selects the block's next line, which is at hand until after_line().
  [[gnu::always_inline]] const BlockLine& select(BlockLines& lines) {
    block_ = &lines;
    const BlockLine& line = lines.next();
    has_problems_ = line.has_problems;
    if (line.used && store_ && !lines.stored) lines.stored = store_->adopt(lines.owner());
    return line;
  }
  /// Whether rows of blocks stay where they are, in order, and are given by their batches.
  bool stay_in_blocks() const { return !has_store() && !failure_; }
  /// So many rows of a block, which has more, were taken where they stay.
  void keep_in_block(std::size_t rows) { rows_since_flush_ += rows; }
  /// Why the line at hand is no event; asked once.
  LineFault take_fault() { return block_ != nullptr ? block_->take_fault() : decoder_.fault(); }
  /// Whether something was wrong with fields of the event at hand.
  bool has_problems() const {
    return block_ != nullptr ? has_problems_ : !decoder_.problems().empty();
  }
  /// Reports it, once.
  [[gnu::cold]] void report_problems(const SourceLine& from);
  /// The row of the event at hand is not taken.
  void drop();
  /// Takes the row of the event at hand, of this source and at this time.
  [[gnu::always_inline]] void keep(std::size_t source, cep::EventTime engine_time, const Line& line,
                                   cep::ArrivalNumber arrival);
  /// The line at hand may be decoded anew, or others be taken before it: what came before it in its
  /// block is given.
  [[gnu::cold]] void leave_block();
  /// One line may bring several rows: gives those there are where they are as many as may be.
  void make_room();
  /// Rows that are kept from here on may have arrived before others that wait.
  void expect_disorder() { is_out_of_place_ = is_out_of_place_ || store_; }

  /// Whether give_settled() should come now.
  bool is_full() const { return rows_since_flush_ >= rows_max_; }
  /// What is due once a line of a block was taken.
  enum class Due : std::uint8_t {
    kNothing,
    kSettled,  // give_settled()
    kDecoded,  // give_at_once(): rows of the decoder
    kBlock,    // give_at_once(): rows of the block
  };
  Due after_line(BlockLines& lines) {
    const bool was_left = std::exchange(block_, nullptr) == nullptr;
    if (store_ || failure_) return failure_ || is_full() ? Due::kSettled : Due::kNothing;
    if (was_left) return Due::kDecoded;
    if (!lines.is_batch_done() && !lines.is_done()) return Due::kNothing;
    rows_since_flush_ = 0;
    if (lines.has_rows()) return Due::kBlock;
    lines.rows_given();
    return Due::kNothing;
  }
  /// Gives out rows that need not wait, as after_line() said. Fails where `advance` does.
  Result<void> give_at_once(Due due, BlockLines& lines);
  /// Gives out all that is settled, with the watermark that it is settled up to; with `up_to`, at
  /// or after given(), all that waits up to then and no more. Fails where `advance` does, or did
  /// before.
  Result<void> give_settled(std::optional<cep::EventTime> up_to = std::nullopt);
  /// Where rows may come out of order; null where they may not.
  RowStore* store() { return store_ ? &*store_ : nullptr; }
  /// Gives out all there is, up to the time that Intake::finish() names: given(), which the sources
  /// are then to follow. Fails where `advance` does.
  Result<void> finish(bool final_watermark, std::optional<cep::EventTime> until);

  /// The watermark that was given last.
  cep::EventTime given() const { return given_; }
  /// The ids of `unique` types that are known.
  const UniqueFilter& unique() const { return ordered_.unique(); }
  /// Memory of rows that wait, about.
  std::size_t waiting_bytes() const;

  /// Cuts here, after give_settled(); gives the bytes of the cut, about. Requires that a cut before
  /// has ended.
  std::size_t begin_save();
  /// Appends what was known at the cut, ids of `unique`, numbers among equals and waiting rows with
  /// their lines, until `to` has `bytes_end` bytes or more; true once all of it is there.
  bool write_save(std::string& to, std::size_t bytes_end);
  /// Gives up a cut that is not yet written.
  void end_save();
  /// Whether a cut is being written.
  bool is_saving() const { return save_stage_ != SaveStage::kNone; }
  /// Takes up what write_save() gave, where nothing was taken yet; has_store() and given() are to
  /// be what they were. Sources have these names and are open. False for other bytes.
  bool restore(ByteReader& reader, bool has_store, cep::EventTime given,
               std::span<const std::string_view> names);

 private:
  [[gnu::always_inline]] std::uint64_t keep_in_store(std::size_t source, cep::EventTime engine_time,
                                                     const Line& line, cep::ArrivalNumber arrival);
  [[gnu::cold]] void foresee_repeat(std::uint64_t place, cep::ArrivalNumber arrival);
  void begin_store();
  void order_by_arrival(std::span<WaitingRow> rows);
  Result<void> give_decoded(cep::EventTime watermark);
  Result<void> give_block(BlockLines& lines);
  Result<void> give_merged(std::span<WaitingRow> merged, cep::EventTime watermark);
  Result<void> give(cep::Batch& slice, cep::EventTime watermark);
  bool restore_waiting(ByteReader& reader, std::span<const std::string_view> names);
  UsedEvents used_;
  std::size_t rows_max_;  // of a slice
  bool keeps_lines_;
  bool slices_stay_;
  const Watermarks& marks_;
  WaitingRows& waiting_;
  LineReports& reports_;
  RunSummary& summary_;
  Advance advance_;
  std::function<void(cep::ArrivalNumber)> repeated_;  // tells `reports_`; empty where nobody hears
  Decoder decoder_;
  cep::Batch slice_;               // without a store the decoder fills it: one source with bound 0
  cep::Batch copied_;              // rows of a block's batch of which some are not given
  LentBatches lent_;               // where slices stay
  BlockLines* block_ = nullptr;    // where the line at hand was decoded; null: by the decoder
  bool has_problems_ = false;      // of the line at hand of a block
  std::optional<RowStore> store_;  // where rows may come out of order
  bool needs_store_ = false;       // before the next line is taken
  // A row waits whose place is not in the order of arrival: it was held.
  bool is_out_of_place_ = false;
  std::size_t rows_since_flush_ = 0;
  std::optional<Error> failure_;  // of rows given at once, until give_settled() tells
  OrderedRows ordered_;
  cep::EventTime given_ = cep::kEventTimeMin;
  // The cut that is being written, and what stands behind the ids of `unique`.
  enum class SaveStage : std::uint8_t { kNone, kIds, kWaiting };
  SaveStage save_stage_ = SaveStage::kNone;
  std::string save_equals_;
  std::uint64_t save_waiting_ = 0;  // rows that are still to be written
  std::string padded_;
};

inline std::uint64_t TakenRows::keep_in_store(std::size_t source, cep::EventTime engine_time,
                                              const Line& line, cep::ArrivalNumber arrival) {
  if (block_ == nullptr) return store_->keep(engine_time, arrival, line, source);
  cep::Row& row = block_->row();
  row.engine_time = engine_time;
  row.arrival = arrival;
  return RowStore::place_of(*block_->stored, block_->row_index());
}

inline void TakenRows::keep(std::size_t source, cep::EventTime engine_time, const Line& line,
                            cep::ArrivalNumber arrival) {
  ++rows_since_flush_;
  if (store_) {
    const std::uint64_t place = keep_in_store(source, engine_time, line, arrival);
    if (repeated_) foresee_repeat(place, arrival);
    waiting_.add(source, {engine_time, place});
  } else if (block_ != nullptr) {
    cep::Row& row = block_->row();
    row.engine_time = engine_time;
    row.arrival = arrival;
  } else {
    decoder_.keep(engine_time, arrival);
  }
}
}  // namespace tocsin::runtime

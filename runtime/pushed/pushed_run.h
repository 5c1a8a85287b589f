/// A run whose lines are pushed by its caller: decode, order by event time, advance the engine.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/alert.h"
#include "cep/data/batch.h"
#include "cep/engine/engine.h"
#include "cep/engine/restore_report.h"
#include "cep/stage/stage_state.h"
#include "cep/value/key.h"
#include "cep/value/time.h"
#include "runtime/arrow/arrow_decoder.h"
#include "runtime/event_time/block_decoder.h"
#include "runtime/event_time/intake.h"
#include "runtime/event_time/intake_options.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/source_policy.h"

namespace tocsin::runtime {
/// How much of a chunk was taken, and why no more.
struct PushedBytes {
  std::size_t taken = 0;
  Result<void> result;
};

/// What of RunOptions a pushed run takes, under the same names.
struct PushedOptions {
  std::optional<cep::Duration> out_of_orderness;  // nothing: what the event types say
  LatePolicy late = LatePolicy::kSide;
  std::optional<cep::Duration> late_max;
  /// All but `policy`, which follows from the above.
  IntakeOptions intake;
  std::optional<std::uint64_t> state_bytes_max;
  std::optional<std::uint64_t> steps_per_event_max;
  /// Cuts will be made. Such a run takes lines, and no record batches.
  bool keeps_state = false;
};

/// How sources are judged, all alike: those options with the policy that follows.
IntakeOptions with_policy(const cep::Plan& plan, const PushedOptions& options);

class PushedState;

/// One program over lines of several sources, in the order in which they are pushed.
///
/// After an error from anything but a refused call the run has failed: the engine may stand in the
/// middle of a slice, and every later call fails. Threading: one caller at a time.
class PushedRun {
 public:
  /// The run keeps the program. `sinks`: alerts, late events and dead letters; others are not
  /// called.
  PushedRun(const cep::Program& program, const PushedOptions& options, Sinks sinks);
  ~PushedRun();
  PushedRun(const PushedRun&) = delete;
  PushedRun& operator=(const PushedRun&) = delete;

  /// The source of this name: 0, 1, 2, …; opened if it is not known, from the watermark on. Errors:
  /// kLimit beyond kSourcesMax.
  Result<std::size_t> source(std::string_view name);
  static constexpr std::size_t kSourcesMax = 1024;
  /// How many are open or have ended.
  std::size_t source_count() const { return sources_.size(); }
  /// What a clock shows when further lines are taken, for IntakeOptions::ahead_max; before the
  /// first call no event is ahead of it.
  void set_clock(cep::EventTime now) { now_ = now; }

  /// Takes bytes of a source, which has not ended: lines, cut anywhere. What is behind the last
  /// line end waits for the next call. Errors: kConflict for a source that has ended, and once time
  /// has; kLimit while more waits to be put in order than may: advance() makes room, and the rest
  /// can be pushed again.
  PushedBytes push(std::size_t source, std::string_view bytes);
  /// Takes the rows of a record batch from `first_row` on, each as its JSON line would be taken
  /// (runtime/arrow); both structs are only read. `type`: the event type of all rows; empty: they
  /// say it themselves. A source takes lines or record batches. `taken` counts rows. Errors: as
  /// above, with `taken` at the row that is next; what `check`, asked before each slice of rows,
  /// gives; kInvalidArgument and kCorrupt as ArrowDecoder::open(), and nothing is taken.
  PushedBytes push(std::size_t source, const ArrowSchema& schema, const ArrowArray& array,
                   std::string_view type, std::int64_t first_row,
                   const std::function<Result<void>()>& check);
  /// Nothing more comes from the source, which no longer holds time back; a last line may lack its
  /// end. Nothing happens where it has ended.
  Result<void> end(std::size_t source);
  /// Promises that no source has an event before `watermark`: one that comes nevertheless is late.
  /// Time moves there, and all that waits up to it is given out; it never moves back. Errors:
  /// kInvalidArgument outside of the range of event times, kConflict once time has ended.
  Result<void> advance(cep::EventTime watermark);
  /// Gives out all that is settled by what was pushed.
  Result<void> flush();
  /// Ends all sources and gives out all there is. With `final_watermark` every deadline passes.
  /// Nothing can be pushed after it. Nothing happens the second time.
  Result<void> finish(bool final_watermark);

  bool is_finished() const { return is_finished_; }
  bool has_failed() const { return failure_.has_value(); }
  /// No source has an event before this that is taken; kEventTimeMin: not known yet.
  cep::EventTime watermark() const;
  std::size_t waiting_events() const { return intake_.waiting_events(); }
  std::size_t waiting_bytes() const { return intake_.waiting_bytes(); }
  SourceStatus status(std::size_t source) const { return intake_.status(source); }
  // ---- its state, as entries by key group (runtime/pushed/pushed_state.h); with keeps_state
  /// Cuts here, after flush(); the cut before is complete. Errors: kConflict where a source has had
  /// a part of a line, or the run is finished.
  Result<void> begin_cut();
  /// Gives the cut's next entries to `sink` until they have `bytes_max` bytes or more; true when
  /// the cut is complete. No key comes twice in a cut. Between calls the run may go on. All cuts,
  /// in order, are the whole state.
  bool write_cut(cep::StageSink& sink, std::size_t bytes_max);
  /// The next cut writes everything; one that is open is given up.
  void mark_all_changed();
  /// In a fresh run, which may have other rules: goes on from the entries whose key is one byte.
  /// Gives what becomes of rules and features. Errors: kCorrupt; kOtherVersion.
  Result<cep::RestoreReport> begin_restore(std::string_view head, std::string_view engine);
  /// Any other entry, each once, in any order. kCorrupt for what no run wrote.
  Result<void> restore(cep::KeyGroup group, std::string_view key, std::string_view value);
  /// After the last entry. Unless the report says that it is the same program, mark_all_changed()
  /// follows, and a store forgets what it had. Errors: kCorrupt, kOtherVersion.
  Result<void> finish_restore();

  /// Of all so far; `seconds` and `profile` are empty.
  RunSummary summary() const;
  const cep::Program& program() const { return program_; }

 private:
  class Chunk;
  struct Source;
  Result<void> check_open() const;
  Result<void> check_source(std::size_t source, bool has_rows) const;
  PushedBytes push_rows(std::size_t source, std::int64_t first_row, std::int64_t row_count,
                        const std::function<Result<void>()>& check);
  Result<void> take_lines(std::size_t source);
  Result<void> take_each_line(std::size_t source);
  Result<void> take_more(std::size_t source);
  std::unique_ptr<Source> open_source(std::uint64_t lines_before, bool has_ended) const;
  Result<void> end_bytes(std::size_t source);
  Result<void> advance_engine(cep::Batch& slice, cep::EventTime watermark);
  // Keeps the first error, after which nothing more is taken.
  Result<void> keep(Result<void> result);

  cep::Program program_;
  PushedOptions options_;
  Sinks sinks_;
  RunSummary summary_;
  std::uint64_t values_missing_ = 0;  // of computed fields
  cep::Engine engine_;
  std::uint64_t slices_ = 0;
  std::vector<cep::Alert> alerts_;
  Intake intake_;
  BlockDecoder decoder_;
  std::unique_ptr<ArrowDecoder> arrow_;  // once a record batch came
  std::vector<std::unique_ptr<Source>> sources_;
  cep::EventTime now_ = cep::kEventTimeMin;
  bool is_finished_ = false;
  std::optional<Error> failure_;
  std::unique_ptr<PushedState> state_;  // with keeps_state
};
}  // namespace tocsin::runtime

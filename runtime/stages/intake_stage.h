/// The second stage of a job: events of some of the key groups, put in order, without repeats, to
/// the passes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/data/batch.h"
#include "cep/engine/restore_report.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_source.h"
#include "cep/stage/stage_state.h"
#include "cep/value/group_range.h"
#include "cep/value/time.h"
#include "runtime/decode/decoder.h"
#include "runtime/event_time/intake_options.h"
#include "runtime/event_time/line_reports.h"
#include "runtime/event_time/run_options.h"
#include "runtime/stages/front_change.h"
#include "runtime/stages/line_message.h"
#include "runtime/stages/open_equals.h"
#include "runtime/stages/side_lines.h"
#include "runtime/stages/stage_entries.h"
#include "runtime/stages/stored_ids.h"
#include "runtime/stages/waiting_lines.h"
#include "runtime/unique/ordered_rows.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class IntakeStage {
 public:
  /// A program by pass (compile_by_pass()). One that cannot be spread (cep::spread_obstacles())
  /// goes to one part of one pass. Of the options the policy, what waits, and the ids of `unique`,
  /// of which this part knows its share.
  IntakeStage(const cep::Program& program, cep::KeyGroupRange own, const IntakeOptions& options,
              const SideLinesOptions& side_lines);
  IntakeStage(const IntakeStage&) = delete;
  IntakeStage& operator=(const IntakeStage&) = delete;

  /// Takes a block of a judge. An event at or before the watermark came of a source that did not
  /// hold it back: it is late, and set aside or taken just behind the watermark, as the policy
  /// says. Errors: kCorrupt for bytes that no judge wrote, after which the stage is of no use;
  /// kLimit where more waits than may, and the block was not taken.
  Result<void> put(std::string_view block);
  /// No event at or before the watermark follows, but late ones: those up to it are given, in the
  /// order of time and arrival, about `rows_max` in a call; true when all are. Until then further
  /// calls give the same watermark, which never moves back. kEventTimeMax means the end of time.
  /// kCorrupt where two events have one time and one number; the stage is of no use then.
  Result<bool> advance(cep::EventTime watermark, std::size_t rows_max);
  cep::EventTime watermark() const { return watermark_; }
  /// Events from `from` on are decoded, numbered and routed by `next`, a program as this one; ids
  /// of `unique` types go over, and what waits stays. Lists of both programs change as their caller
  /// likes between two calls of advance(). `judges` says whether judges are prepared too. May be
  /// called before begin_restore(), and after it where the state waits for the change. Errors:
  /// those of cep::StageEngine::prepare() and check_front_change(), with nothing changed;
  /// kInvalidArgument for a program that runs in one part.
  Result<void> prepare(const cep::Program& next, cep::EventTime from, JudgesChange judges);
  /// Once a change took place: that it did.
  std::optional<cep::RestoreReport> take_report() { return std::exchange(report_, std::nullopt); }
  /// A change that the restored state waits for, which is to be prepared; null if there is none.
  const cep::StageChange* awaited() const { return awaited_ ? &*awaited_ : nullptr; }

  cep::StageOutbox& outbox() { return source_.outbox(); }
  SideLines& side_lines() { return side_lines_; }
  const RunSummary& summary() const { return summary_; }
  /// Of computed fields.
  std::uint64_t values_missing() const { return values_missing_; }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t waiting_bytes() const { return waiting_.bytes(); }
  const UniqueFilter& unique() const { return reading_->ordered.unique(); }
  const cep::Program& program() const { return reading_->program; }

  // ---- its state, as that of cep::StageEngine. Another program goes on with what waits
  void begin_cut();
  bool write_cut(cep::StageSink& sink, std::size_t bytes_max) {
    return cut_.write(sink, bytes_max);
  }
  void mark_all_changed();
  Result<cep::RestoreReport> begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                           std::string_view layout);
  Result<void> restore(cep::KeyGroup group, std::string_view key, std::string_view value);
  Result<void> finish_restore();

 private:
  // Events as some rules read them.
  struct Reading {
    Reading(cep::Program of, std::size_t ids_max, std::uint64_t hash_seed);
    cep::Program program;
    std::uint64_t tag;  // of identities
    Decoder decoder;
    OrderedRows ordered;
    StoredIds stored_ids;
    cep::Batch batch;
  };
  std::unique_ptr<Reading> read_by(const cep::Program& program) const;
  Result<bool> advance_to(cep::EventTime watermark, std::size_t rows_max);
  void go_over();
  bool take(cep::KeyGroup group, std::string_view body);
  cep::EventTime reached(cep::KeyGroup group) const;
  Result<void> fill(std::size_t rows);
  void append(const LineMessage& line);
  void give(cep::EventTime watermark);
  std::string identity_of(const cep::Row& row);
  bool restore_equals(cep::KeyGroup group, std::string_view key, std::string_view value);

  cep::KeyGroupRange own_;
  IntakeOptions options_;
  RunSummary summary_;
  SideLines side_lines_;
  std::unique_ptr<Reading> reading_;
  LineReports reports_;
  std::unique_ptr<Reading> next_;
  cep::StageChange change_;                  // if there is a next one
  std::optional<cep::StageChange> awaited_;  // of the state that is restored: to be prepared
  std::optional<cep::RestoreReport> report_;
  cep::StageSource source_;
  OpenEquals open_equals_;
  WaitingLines waiting_;
  std::string message_;  // of the line in hand
  std::string padded_;
  std::uint64_t values_missing_ = 0;
  cep::EventTime watermark_ = cep::kEventTimeMin;
  cep::EventTime advancing_ = cep::kEventTimeMin;  // the watermark in hand
  // Of groups that had come further where another part had them, by group.
  std::map<std::uint32_t, cep::EventTime> further_;
  bool has_layout_ = false;   // a cut had it
  bool is_same_plan_ = true;  // as that of what is restored
  FrontCut cut_;
};
}  // namespace tocsin::runtime

/// The first stage of a job: lines of sources, each judged by the time of its own source.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/engine/restore_report.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_state.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/event_time/event_judge.h"
#include "runtime/event_time/intake_options.h"
#include "runtime/event_time/line_reports.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/watermarks.h"
#include "runtime/stages/judged_rows.h"
#include "runtime/stages/side_lines.h"
#include "runtime/stages/stage_entries.h"

namespace tocsin::runtime {
/// What became of a line.
enum class LineOutcome : std::uint8_t {
  kSent,      // to the intake
  kUnused,    // an event of a type that nothing uses, or a blank line
  kUnknown,   // of a type that no rule file declares, with UnknownTypes::kIgnore
  kRejected,  // a dead letter
  kLate,      // set aside
  kHeld,      // it jumped ahead, and waits for the source's next events
};

/// As Intake judges an event of a source that never was idle. Parts share nothing: a source is read
/// by one part at a time, and after a restart by any. Threading: one caller at a time.
class JudgeStage {
 public:
  /// Of the options those of single sources, and the limit of a line. The program is by pass or
  /// not. `changes`: whether it is told of changes of rules. One that is not sends events of all
  /// types, as later rules may use them.
  JudgeStage(const cep::Program& program, const IntakeOptions& options,
             const SideLinesOptions& side_lines, JudgesChange changes = JudgesChange::kYes);
  ~JudgeStage();
  JudgeStage(const JudgeStage&) = delete;
  JudgeStage& operator=(const JudgeStage&) = delete;

  /// Takes a line, without its end, of a source that is opened by its first. `arrival` says where
  /// it was read (cep/value/read_position.h): its offset is what outputs call the line. It ascends
  /// within a source, else kInvalidArgument. `taken_at`: what a clock showed then, for `ahead_max`.
  Result<LineOutcome> put_line(std::string_view source, std::string_view line,
                               cep::EventTime taken_at, cep::ArrivalNumber arrival);
  /// No event before this comes of the source, which is opened if it is not known; kEventTimeMin of
  /// one that had no event, kEventTimeMax once it has ended. The intake may be given a watermark
  /// that is less than those of all sources that are not idle.
  cep::EventTime source_watermark(std::string_view source);
  /// Nothing more comes of the source, which is opened if it is not known: what it holds is taken.
  void end_source(std::string_view source);
  /// All others have come to this time, or a clock has: what this part's sources hold up to it is
  /// taken. kEventTimeMax: they have ended. Its sources are those that it was given a line of, or
  /// asked for by name; those that were only restored may be another's.
  void advance(cep::EventTime watermark);
  cep::EventTime watermark() const { return watermark_; }
  /// From `from` on lines are read by `next`, by pass as the program: a line is of the rules of its
  /// engine time. One that is an event to the next rules alone, of `from` or later, is theirs too;
  /// of a source whose watermark has come to `from` all lines are. The rules before are forgotten
  /// once advance() comes to `from`, or another change is prepared when all of this part's sources
  /// have. The state does not say that a change waits: the caller prepares it again. Errors: those
  /// of cep::StageEngine::prepare() and check_front_change(), with nothing changed.
  Result<void> prepare(const cep::Program& next, cep::EventTime from);

  cep::StageOutbox& outbox() { return rows_.outbox(); }
  SideLines& side_lines() { return side_lines_; }
  const RunSummary& summary() const { return summary_; }
  std::size_t source_count() const { return sources_.size(); }

  // ---- its state: an entry for each source. A part that goes on is given those of all sources
  /// As cep::StageEngine has them; outbox and side lines were taken.
  void begin_cut();
  bool write_cut(cep::StageSink& sink, std::size_t bytes_max) {
    return cut_.write(sink, bytes_max);
  }
  void mark_all_changed();
  Result<cep::RestoreReport> begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                           std::string_view layout);
  /// Of two entries of one source the one that was read further counts. Lines of a source that one
  /// machine took before are passed over by their numbers when they come again.
  Result<void> restore(cep::KeyGroup group, std::string_view key, std::string_view value);

 private:
  using Judge = BasicEventJudge<JudgedRows, NothingWaits>;
  struct Source;
  Source& find_or_open(std::string_view name);
  std::unique_ptr<Source> make_source();
  void note(const JudgedLine& line);
  bool have_come_to(cep::EventTime time) const;
  void go_over();

  cep::Program program_;
  std::optional<cep::Program> next_;  // if a change waits
  IntakeOptions options_;
  RunSummary summary_;
  SideLines side_lines_;
  LineReports reports_;
  JudgedRows rows_;
  NothingWaits waiting_;
  std::map<std::string, std::unique_ptr<Source>, std::less<>> sources_;
  Source* last_ = nullptr;  // of the line before
  std::string_view last_name_;
  cep::EventTime watermark_ = cep::kEventTimeMin;
  std::string padded_;
  cep::ArrivalNumber arrival_;  // of the line at hand
  std::optional<LineOutcome> outcome_;
  // What arrival numbers are added to, so that they are after those that the state remembers.
  std::uint64_t base_ = 0;
  bool is_base_stored_ = false;
  bool has_layout_ = false;  // a cut had it
  FrontCut cut_;
};
}  // namespace tocsin::runtime

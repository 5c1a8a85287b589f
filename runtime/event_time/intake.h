/// Arrivals of several sources to slices: decodes lines, judges them by event time, puts them in
/// the order of engine time, leaves out repeats, and gives them out. A function of what it is
/// given: arrivals with their numbers and times, and decisions. It reads no clock and no input, so
/// that a journal replayed gives what was given before.
///
///     take(source, line, arrival, taken_at) ─▶ decode ─▶ dead letter  (also: too far ahead)
///     decide(idle, awake, heartbeat, ended)      │
///                                                ├─▶ late output   (behind the source's watermark)
///                                                ├─▶ held          (a jump ahead, until it is
///                                                confirmed) ▼
///                             by source: reorder buffer ─▶ merged up to W ─▶ unique ─▶ slice
///
/// Lines and decisions come in here. EventJudge judges events by time, TakenRows has their rows and
/// gives out slices, WaitingRows has the order of rows, and LineReports says what became of lines.
///
/// Opening a source is part of what a journal means: a new one begins at W, so it must be opened at
/// the same place of a replay. kAwake opens a source that is not known.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/event_time/block_lines.h"
#include "runtime/event_time/event_judge.h"
#include "runtime/event_time/intake_options.h"
#include "runtime/event_time/line_reports.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/source_policy.h"
#include "runtime/event_time/taken_rows.h"
#include "runtime/event_time/waiting_rows.h"
#include "runtime/event_time/watermarks.h"
#include "runtime/io/line_source.h"
#include "runtime/journal/journal_record.h"
#include "runtime/unique/unique_filter.h"

namespace tocsin::runtime {
/// How one source stands.
struct SourceStatus {
  std::string_view name;
  SourcePolicy policy;
  SourceState state = SourceState::kActive;
  cep::EventTime watermark;     // its own; kEventTimeMin: none yet
  cep::EventTime newest;        // of events that were not late; kEventTimeMin: none yet
  std::size_t waiting = 0;      // events that wait to be put in order
  std::size_t held = 0;         // events that jumped ahead and are not confirmed yet
  std::uint64_t last_line = 0;  // number of the line taken last
  std::uint64_t events = 0;     // that were not late, since the source was opened or restored
};

/// Threading: one caller at a time.
class Intake {
 public:
  /// Counts in `summary` all but bytes, alerts, engine and seconds; it and the plan must outlive
  /// the intake.
  Intake(const UsedEvents& used, const IntakeOptions& options, IntakeSinks sinks,
         RunSummary& summary, Advance advance);
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  /// The source's index: 0, 1, 2, … in the order of opening. Opens it where it is not known:
  /// active, from W on, with the options' policy. What is known stays as it is.
  std::size_t source(std::string_view name);
  /// The same with a policy of its own, which from here on is also that of a known source.
  ///
  /// Late lines that are to be taken after all come as a source of their own, opened like this with
  /// `late = kClamp` and without late_max, taken, and ended (kEnded), all in one command: W does
  /// not move meanwhile, so that each is taken now, at W. Dead lines come the same way with the
  /// options' policy. A line keeps its identity, which is its id or its declared fields.
  std::size_t source(std::string_view name, const SourcePolicy& policy);
  /// Opens a source, also where one of that name is known: find() and decide() by name mean the
  /// first.
  std::size_t open(std::string_view name, const SourcePolicy& policy);
  /// The index of a source that was opened.
  std::optional<std::size_t> find(std::string_view name) const;

  /// Takes one line; kLinePadding bytes are readable after it. Arrival numbers ascend over all
  /// calls, by position over those of a source; `taken_at` is the arrival record's. An idle source,
  /// or one that has ended, is awake from here on. Fails only where `advance` does.
  Result<void> take(std::size_t source, const Line& line, cep::ArrivalNumber arrival,
                    cep::EventTime taken_at) {
    if (take_line(source, line, arrival, taken_at)) return flush();
    return {};
  }
  /// Takes lines of a decoded block, as if each was passed to the other take() with `taken_at` and
  /// the number of lines so far for its arrival, or its position (IntakeOptions::order): until all
  /// are taken, rows were given out, or the source's watermark is beyond `stay_until`. The block is
  /// of a decoder with the intake's plan and at most slice_rows_max rows a batch; all blocks of a
  /// source that were begun come to their end here. Not with options.is_saved. Fails where
  /// `advance` does, and with kLimit where a source has more lines than positions.
  Result<void> take(std::size_t source, BlockLines& lines, cep::EventTime taken_at,
                    cep::EventTime stay_until);
  /// From here on messages name lines by this instead of their source's name, until they are to be
  /// named by it again (empty): one source may carry the lines of several producers.
  void name_lines(std::string_view producer) { reports_.name_lines(producer); }
  /// What was decided by a clock, or that a source has ended. A heartbeat without a source is one
  /// for all; what names a source that is not known changes nothing, but kAwake, which opens it.
  void decide(const Decision& decision);
  /// The same of a source by its index; nothing: all, for kHeartbeat.
  void decide(DecisionKind kind, std::optional<std::size_t> source, cep::EventTime clock);
  /// Gives out all that is settled, and moves the engine's time as far as is promised: at the end
  /// of each record. Fails where `advance` does.
  Result<void> flush();
  /// Gives out all there is; time then stands at the newest event, at `until` if that is later, and
  /// with `final_watermark` at the end of all time, after which nothing may be taken. What is to go
  /// on later from save() is not finished: its waiting events wait on.
  Result<void> finish(bool final_watermark, std::optional<cep::EventTime> until);

  /// The watermark that was given out last.
  cep::EventTime given() const { return rows_.given(); }
  /// Gives out all that waits up to `time`, at or after given(): every source has come there, and W
  /// too. No later event is given, and by position none at `time` either: another may come before
  /// it. Fails where `advance` does.
  Result<void> give_up_to(cep::EventTime time);
  /// The events that wait, in the order of arrival; what save() requires is required.
  std::vector<WaitingLine> waiting_lines();
  /// Drops the events that wait and of whose line `is_one` says so: they are as if they had not
  /// come, but for their ids and the watermark. What save() requires is required. How many.
  std::uint64_t drop_waiting(const std::function<bool(std::string_view line)>& is_one);
  /// Events that wait in another intake of the same arrivals, which stands at the same time: those
  /// that do not wait here too wait here from now on, in the sources of the same names. An event of
  /// a source that is not known, or that this program does not use, is passed over.
  void add_waiting(const std::vector<WaitingLine>& lines);

  /// Whether more of the source should be read now, or it is better paused: it is far ahead of the
  /// others, or memory is short and it does not hold W. Never false for who holds W, and no part of
  /// what a journal means: a replay reads on.
  bool may_read(std::size_t source) const;
  /// The watermark beyond which a source is too far ahead for may_read(); kEventTimeMax without
  /// `drift_max`.
  cep::EventTime drift_limit() const;
  /// Asked before more is read, by whoever reads live. Fails with kLimit, saying the remedy, where
  /// more waits to be put in order than may. No part of what a journal means either.
  Result<void> check_room() const;
  /// W: no event is taken before it; kEventTimeMin until every source that holds it has one.
  cep::EventTime watermark() const { return marks_.engine(); }
  /// The watermark of one source, what runtime/event_time/merge_order.h asks for.
  cep::EventTime watermark_of(std::size_t source) const {
    return marks_.source(source).tracker.watermark();
  }
  /// The ids of `unique` types that are known.
  const UniqueFilter& unique() const { return rows_.unique(); }
  /// The source that holds W where it is; nothing where all are idle or have ended.
  std::optional<std::size_t> holder() const { return marks_.holder(); }
  std::size_t source_count() const { return judge_.sources().size(); }
  SourceStatus status(std::size_t source) const;
  /// Events that wait to be put in order, and their memory, about.
  std::size_t waiting_events() const { return waiting_.count(); }
  std::size_t waiting_bytes() const { return rows_.waiting_bytes(); }

  /// Appends all that later slices depend on: sources with their policies and watermarks, W,
  /// waiting events with their lines, unique ids, numbers among equals, the summary's counts. Comes
  /// after flush(); requires options.is_saved. Equal states give equal bytes.
  void save(std::string& to);
  /// The same in chunks: cuts here, and write_save() then appends, between further calls of all
  /// else, what was so at the cut, `bytes_max` bytes of it or a little more; true once all is
  /// there. Requires that a cut before is written or given up.
  void begin_save();
  bool write_save(std::string& to, std::size_t bytes_max);
  void end_save();
  /// Takes up what save() gave, in an intake that has taken nothing. With another program, events
  /// and ids of types that it does not know are left out. Fails with kCorrupt for other bytes.
  Result<void> restore(std::string_view from);

 private:
  void begin_lines(std::size_t index, cep::EventTime taken_at);
  bool take_line(std::size_t index, const Line& line, cep::ArrivalNumber arrival,
                 cep::EventTime taken_at);
  [[gnu::always_inline]] inline void take_block_line(std::size_t index, BlockLines& lines);

  IntakeOptions options_;
  RunSummary& summary_;
  LineReports reports_;
  Watermarks marks_;
  WaitingRows waiting_;
  TakenRows rows_;
  EventJudge judge_;
  // The cut that is being written: what stands at its beginning, until it is written.
  std::string save_head_;
  std::size_t save_bytes_ = 0;  // about, in all
};
}  // namespace tocsin::runtime

/// Events of several sources, judged by event time: too far ahead of the clock, a jump that is
/// held, late, clamped, or on time. What is taken goes on as a row
/// (runtime/event_time/taken_rows.h).
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/value/order.h"
#include "cep/value/time.h"
#include "runtime/decode/decoder.h"
#include "runtime/event_time/intake_options.h"
#include "runtime/event_time/jump_hold.h"
#include "runtime/event_time/line_reports.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/source_policy.h"
#include "runtime/event_time/taken_rows.h"
#include "runtime/event_time/waiting_rows.h"
#include "runtime/event_time/watermarks.h"
#include "runtime/io/line_source.h"
#include "runtime/journal/journal_record.h"

namespace tocsin::runtime {
/// What is known of a source besides its time (Watermarks) and its rows that wait (WaitingRows).
struct EventSource {
  std::string name;
  SourcePolicy policy;
  std::uint64_t last_line = 0;    // number of the line taken last
  std::uint64_t newest_line = 0;  // of the one that moved the watermark last
  std::uint64_t position = 0;     // of its blocks' line taken last (cep/value/read_position.h)
  JumpHold held = {};
  std::uint64_t events = 0;  // taken since it was opened or restored
};

/// Moves the sources' time with the events that it takes, and with what a clock decided. Invariant:
/// what is held is taken before silence, or W, moves its source's time past it. Threading: one
/// caller at a time.
///
/// `Rows` and `Waiting` are who has the rows of what is taken: TakenRows and WaitingRows, whose
/// functions these are, or of a part of a job (runtime/stages).
template <typename Rows, typename Waiting>
class BasicEventJudge {
 public:
  /// All but the options must outlive it.
  BasicEventJudge(const IntakeOptions& options, Watermarks& marks, Waiting& waiting, Rows& rows,
                  LineReports& reports, RunSummary& summary);
  BasicEventJudge(const BasicEventJudge&) = delete;
  BasicEventJudge& operator=(const BasicEventJudge&) = delete;

  /// A new source, active, from W on. Gives its index: 0, 1, 2, …
  std::size_t open(std::string_view name, const SourcePolicy& policy);
  /// From here on the source has this policy.
  void change_policy(std::size_t index, const SourcePolicy& policy);
  /// All sources, by their indices.
  const std::vector<EventSource>& sources() const { return sources_; }

  /// Comes before lines of a source that were taken when a clock showed `taken_at`: it is awake.
  void begin_lines(std::size_t index, cep::EventTime taken_at) {
    if (must_take_held_ || marks_.source(index).state != SourceState::kActive) wake(index);
    if (taken_at != taken_at_) set_clock(taken_at);
  }
  /// The source's next line has this number. Gives the source.
  const EventSource& begin_line(std::size_t index, std::uint64_t number) {
    EventSource& source = sources_[index];
    source.last_line = number;
    return source;
  }
  /// The arrival number of the next line of the source's block, which is counted already.
  cep::ArrivalNumber next_arrival(std::size_t index) {
    const std::uint64_t position = ++sources_[index].position;
    return {by_position_ ? position : summary_.lines, 0};
  }
  /// Whether the source has a position for so many lines more.
  bool has_positions(std::size_t index, std::size_t lines) const;
  /// Takes that line, which is at hand (TakenRows) and an event.
  [[gnu::always_inline]] void take(std::size_t index, const Line& line, cep::ArrivalNumber arrival,
                                   const Decoded& event);
  /// Takes the source's next line, whatever it is.
  void take_line(std::size_t index, const Line& line, cep::ArrivalNumber arrival);
  /// Takes the lines of a block that are next, as long as each is an event in the order of time of
  /// which nothing is to be said, but for those that end the block or its batch, and until the
  /// source's watermark is beyond `stay_until`. Gives their number.
  std::size_t take_usual(std::size_t index, BlockLines& lines, cep::EventTime stay_until);
  /// What Intake::decide() was told of a source, or with nothing, for kHeartbeat, of all.
  void decide(DecisionKind kind, std::optional<std::size_t> source, cep::EventTime clock);
  /// Takes what sources hold that do not hold W, up to W: other sources confirm its time.
  void take_overtaken();
  /// Takes what the source holds up to `time`, which is confirmed.
  [[gnu::cold]] void take_held_until(std::size_t index, cep::EventTime time);
  /// Takes all that is held: nothing more comes.
  void take_rest();
  /// Waiting rows follow their sources' watermarks, which have moved.
  void follow() {
    take_overtaken();
    waiting_.follow();
  }

  /// Appends the sources with their policies, what they hold and their time.
  void save(ByteWriter& writer) const;
  /// Takes up what save() gave, where no source was opened; without `has_jumps` it has nothing of
  /// what is held, as of old. False for other bytes.
  bool restore(ByteReader& reader, bool has_jumps);

 private:
  [[gnu::cold]] void wake(std::size_t index);
  void set_clock(cep::EventTime taken_at);
  [[gnu::always_inline]] void place(std::size_t index, const Line& line, cep::ArrivalNumber arrival,
                                    const Decoded& event, cep::EventTime taken_at);
  void reject_ahead(std::size_t index, const Line& line, cep::ArrivalNumber arrival,
                    const Decoded& event);
  void set_late_side_output(std::size_t index, const Line& line, cep::ArrivalNumber arrival,
                            const Decoded& event);
  // Whether weigh_jump() is to be asked.
  bool may_jump(std::size_t index, cep::EventTime ts) const {
    const EventSource& source = sources_[index];
    if (!jump_max_ || source.policy.late == LatePolicy::kClamp) return false;
    const cep::EventTime newest = marks_.source(index).newest;
    return !source.held.empty() || (newest > cep::kEventTimeMin && ts - *jump_max_ > newest);
  }
  [[gnu::cold]] bool weigh_jump(std::size_t index, const Line& line, cep::ArrivalNumber arrival,
                                Decoded& event);
  bool is_jump(std::size_t index, cep::EventTime ts) const;
  [[gnu::cold]] void take_held(std::size_t index, const HeldLine& held);
  [[gnu::cold]] void take_all_held(std::size_t index);
  void take_held_in_silence(std::optional<std::size_t> index, cep::EventTime clock);

  bool by_position_;  // arrival numbers of blocks
  std::size_t line_bytes_max_;
  std::optional<cep::Duration> ahead_max_;
  std::optional<cep::Duration> jump_max_;
  Watermarks& marks_;
  Waiting& waiting_;
  Rows& rows_;
  LineReports& reports_;
  RunSummary& summary_;
  std::vector<EventSource> sources_;
  bool must_take_held_ = false;  // nothing is held any more, and something was
  cep::EventTime taken_at_ = cep::kEventTimeMin;
  cep::EventTime time_max_ = cep::kEventTimeMax;  // beyond it an event is too far ahead
};

template <typename Rows, typename Waiting>
inline void BasicEventJudge<Rows, Waiting>::place(std::size_t index, const Line& line,
                                                  cep::ArrivalNumber arrival, const Decoded& event,
                                                  cep::EventTime taken_at) {
  EventSource& source = sources_[index];
  cep::EventTime engine_time = event.ts;
  if (marks_.is_late(index, event.ts)) {
    engine_time = marks_.source(index).tracker.watermark();
    if (goes_to_side_output(source.policy, engine_time - event.ts)) {
      set_late_side_output(index, line, arrival, event);
      return;
    }
    reports_.clamped(arrival, engine_time - event.ts);
  } else if (marks_.observe(index, event.ts, taken_at)) {
    source.newest_line = line.number;
    waiting_.advance(index, marks_.source(index).tracker.watermark());
  }
  if (rows_.has_problems()) rows_.report_problems({source.name, line, arrival});
  ++summary_.events;
  ++source.events;
  summary_.first_event = std::min(summary_.first_event, engine_time);
  summary_.last_event = std::max(summary_.last_event, engine_time);
  if (event.used) rows_.keep(index, engine_time, line, arrival);
}

template <typename Rows, typename Waiting>
inline void BasicEventJudge<Rows, Waiting>::take(std::size_t index, const Line& line,
                                                 cep::ArrivalNumber arrival, const Decoded& event) {
  if (event.ts > time_max_) {
    reject_ahead(index, line, arrival, event);
    return;
  }
  if (may_jump(index, event.ts)) {
    Decoded again = event;
    if (!weigh_jump(index, line, arrival, again)) place(index, line, arrival, again, taken_at_);
    return;
  }
  place(index, line, arrival, event, taken_at_);
}

using EventJudge = BasicEventJudge<TakenRows, WaitingRows>;
extern template class BasicEventJudge<TakenRows, WaitingRows>;
}  // namespace tocsin::runtime

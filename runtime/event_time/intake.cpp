#include "runtime/event_time/intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/event_time/row_store.h"

namespace tocsin::runtime {
namespace {
IntakeOptions within_limits(IntakeOptions options) {
  options.slice_rows_max =
      std::clamp<std::size_t>(options.slice_rows_max, 1, RowStore::kRowsPerBatchMax);
  // Within the range of event times, so that sums with them do not overflow.
  for (std::optional<cep::Duration>* const limit :
       {&options.ahead_max, &options.jump_max, &options.drift_max}) {
    if (*limit) (*limit)->us = std::min((*limit)->us, cep::kEventTimeMax.us);
  }
  return options;
}
}  // namespace

Intake::Intake(const UsedEvents& used, const IntakeOptions& options, IntakeSinks sinks,
               RunSummary& summary, Advance advance)
    : options_(within_limits(options)),
      summary_(summary),
      reports_(used.plan, options.unknown_types, std::move(sinks), summary),
      waiting_(marks_),
      rows_(used, options_, marks_, waiting_, reports_, summary, std::move(advance)) {
  summary_.first_event = cep::kEventTimeMax;
  summary_.last_event = cep::kEventTimeMin;
}

std::optional<std::size_t> Intake::find(std::string_view name) const {
  const auto found = std::ranges::find(sources_, name, &Source::name);
  if (found == sources_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - sources_.begin());
}

std::size_t Intake::source(std::string_view name) {
  if (const std::optional<std::size_t> known = find(name)) return *known;
  return source(name, options_.policy);
}

std::size_t Intake::source(std::string_view name, const SourcePolicy& policy) {
  const std::optional<std::size_t> known = find(name);
  if (!known) return open(name, policy);
  if (sources_[*known].policy != policy) change_policy(*known, policy);
  return *known;
}

std::size_t Intake::open(std::string_view name, const SourcePolicy& policy) {
  if (!sources_.empty() || policy.bound.us > 0) rows_.need_store();
  marks_.open(policy.bound);
  sources_.push_back({std::string(name), policy});
  waiting_.open(policy.bound);
  waiting_.advance(sources_.size() - 1, marks_.engine());
  return sources_.size() - 1;
}

void Intake::change_policy(std::size_t index, const SourcePolicy& policy) {
  if (policy.bound.us > 0) rows_.need_store();
  if (policy.late == LatePolicy::kClamp) take_all_held(index);
  sources_[index].policy = policy;
  marks_.change_bound(index, policy.bound);
  waiting_.change_bound(index, policy.bound);
}

void Intake::take_event(std::size_t index, const Line& line, cep::ArrivalNumber arrival,
                        const Decoded& event) {
  if (event.ts > time_max_) {
    if (event.used) rows_.drop();
    reports_.too_far_ahead({sources_[index].name, line, arrival}, event.type, event.ts,
                           *options_.ahead_max);
    return;
  }
  if (may_jump(index, event.ts)) {
    Decoded again = event;
    if (!weigh_jump(index, line, arrival, again)) {
      place_event(index, line, arrival, again, taken_at_);
    }
    return;
  }
  place_event(index, line, arrival, event, taken_at_);
}

void Intake::place_event(std::size_t index, const Line& line, cep::ArrivalNumber arrival,
                         const Decoded& event, cep::EventTime taken_at) {
  Source& source = sources_[index];
  cep::EventTime engine_time = event.ts;
  if (marks_.is_late(index, event.ts)) {
    engine_time = marks_.source(index).tracker.watermark();
    if (is_too_late(source, engine_time - event.ts)) {
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
  summary_.first_event = std::min(summary_.first_event, engine_time);
  summary_.last_event = std::max(summary_.last_event, engine_time);
  if (!event.used) return;
  rows_.keep(index, engine_time, line, arrival);
}

void Intake::place_held(std::size_t index, const Line& line, const HeldLine& held,
                        const Decoded& event) {
  place_event(index, line, held.arrival, event, held.taken_at);
}

// What comes before lines of a source that were taken when a clock showed `taken_at`.
void Intake::begin_lines(std::size_t source, cep::EventTime taken_at) {
  TOCSIN_ASSERT(rows_.given() < cep::kEventTimeMax, "nothing is taken after the end of time");
  rows_.begin_lines();
  if (must_take_held_) take_overtaken();
  if (marks_.source(source).state != SourceState::kActive) {
    take_overtaken();
    marks_.wake(source);
    move_buffers();
  }
  if (taken_at != taken_at_) {
    taken_at_ = taken_at;
    if (options_.ahead_max) {
      constexpr std::int64_t kClockMax = cep::kEventTimeMax.us / 2;
      const std::int64_t now = std::clamp(taken_at.us, -kClockMax, kClockMax);
      time_max_ = cep::EventTime{now} + *options_.ahead_max;
    }
  }
}

// True when it is time for a flush.
bool Intake::take_line(std::size_t source, const Line& line, cep::ArrivalNumber arrival,
                       cep::EventTime taken_at) {
  begin_lines(source, taken_at);
  ++summary_.lines;
  Source& from = sources_[source];
  from.last_line = line.number;
  if (line.too_long) {
    reports_.too_long({from.name, line, arrival}, options_.line_bytes_max);
  } else {
    const Decoded decoded = rows_.decode(line);
    if (decoded.kind == LineKind::kEvent) {
      take_event(source, line, arrival, decoded);
    } else {
      reports_.no_event({from.name, line, arrival}, decoded.kind, rows_.take_fault());
    }
  }
  return rows_.is_full();
}

void Intake::take_block_line(std::size_t index, BlockLines& lines) {
  const BlockLine& line = rows_.select(lines);
  const cep::ArrivalNumber arrival{++summary_.lines, 0};
  Source& from = sources_[index];
  from.last_line = lines.number(line);
  const Line taken{line.text, from.last_line, line.too_long, nullptr};
  if (line.kind == LineKind::kEvent) {
    take_event(index, taken, arrival, {LineKind::kEvent, line.used, line.type, line.ts});
  } else if (line.too_long) {
    reports_.too_long({from.name, taken, arrival}, options_.line_bytes_max);
  } else {
    reports_.no_event({from.name, taken, arrival}, line.kind, rows_.take_fault());
  }
}

Result<void> Intake::take(std::size_t source, BlockLines& lines, cep::EventTime taken_at,
                          cep::EventTime stay_until) {
  TOCSIN_ASSERT(!options_.is_saved, "lines of blocks are not kept");
  begin_lines(source, taken_at);
  // Batches of several blocks are open at a time.
  if (sources_.size() > 1) rows_.expect_disorder();
  while (!lines.is_done()) {
    take_block_line(source, lines);
    const TakenRows::Due due = rows_.after_line(lines);
    if (due == TakenRows::Due::kSettled) return flush();
    if (due != TakenRows::Due::kNothing) return rows_.give_at_once(due, lines);
    if (watermark_of(source) > stay_until) break;
  }
  return {};
}

bool Intake::is_too_late(const Source& source, cep::Duration late_by) const {
  if (source.policy.late == LatePolicy::kSide) return true;
  return source.policy.late_max && late_by > *source.policy.late_max;
}

void Intake::set_late_side_output(std::size_t index, const Line& line, cep::ArrivalNumber arrival,
                                  const Decoded& event) {
  if (event.used) rows_.drop();
  const Watermarks::Source& time = marks_.source(index);
  const Source& source = sources_[index];
  Lateness lateness{time.tracker.watermark() - event.ts};
  if (time.newest - source.policy.bound == time.tracker.watermark()) {
    lateness.moved_by = source.newest_line;
    lateness.moved_to = time.newest;
  }
  reports_.late({source.name, line, arrival}, event.ts, lateness);
}

void Intake::decide(const Decision& decision) {
  const bool opens = decision.kind == DecisionKind::kAwake;
  const std::optional<std::size_t> known = opens ? source(decision.source) : find(decision.source);
  if (known || (decision.kind == DecisionKind::kHeartbeat && decision.source.empty())) {
    decide(decision.kind, known, decision.clock);
  }
}

void Intake::decide(DecisionKind kind, std::optional<std::size_t> source, cep::EventTime clock) {
  TOCSIN_ASSERT(source || kind == DecisionKind::kHeartbeat, "all together only have heartbeats");
  take_overtaken();
  switch (kind) {
    case DecisionKind::kIdle:
      if (marks_.source(*source).state != SourceState::kActive) break;
      take_held_in_silence(source, clock);
      marks_.idle(*source);
      break;
    case DecisionKind::kAwake:
      marks_.wake(*source);
      break;
    case DecisionKind::kHeartbeat:
      take_held_in_silence(source, clock);
      marks_.heartbeat(source, clock);
      break;
    case DecisionKind::kEnded:
      take_all_held(*source);
      marks_.end(*source);
      break;
  }
  move_buffers();
}

// Buffers follow their sources' watermarks, which move with events and with what is decided.
void Intake::move_buffers() {
  take_overtaken();
  waiting_.follow();
}

Result<void> Intake::flush() {
  take_overtaken();
  return rows_.give_settled();
}

Result<void> Intake::finish(bool final_watermark, std::optional<cep::EventTime> until) {
  for (std::size_t i = 0; i < sources_.size(); ++i) take_held_until(i, cep::kEventTimeMax);
  Result<void> given = rows_.finish(final_watermark, until);
  marks_.move_to(rows_.given());
  move_buffers();
  return given;
}

Result<void> Intake::check_room() const {
  if (waiting_bytes() <= options_.waiting_bytes_max) return {};
  cep::Duration bound;
  for (const Source& source : sources_) bound = std::max(bound, source.policy.bound);
  return fail(
      Errc::kLimit,
      fmt::format("events that wait to be put in order ({} of them, for {}) take more than {} "
                  "bytes; nothing of them is lost. Allow more with --reorder-memory (of a server: "
                  "memory.reorder), or begin with less out-of-orderness",
                  waiting_events(), cep::format_duration(bound), options_.waiting_bytes_max));
}

bool Intake::may_read(std::size_t source) const {
  const cep::EventTime engine = marks_.engine();
  const cep::EventTime own = marks_.source(source).tracker.watermark();
  if (own <= engine) return true;
  if (own > drift_limit()) return false;
  return waiting_bytes() <= options_.waiting_bytes_max / 2;
}

cep::EventTime Intake::drift_limit() const {
  const cep::EventTime engine = marks_.engine();
  if (!options_.drift_max || engine > cep::kEventTimeMax - *options_.drift_max) {
    return cep::kEventTimeMax;
  }
  return engine + *options_.drift_max;
}

SourceStatus Intake::status(std::size_t source) const {
  const Source& one = sources_[source];
  const Watermarks::Source& time = marks_.source(source);
  SourceStatus status;
  status.name = one.name;
  status.policy = one.policy;
  status.state = time.state;
  status.watermark = time.tracker.watermark();
  status.newest = time.newest;
  status.waiting = waiting_.count(source);
  status.held = one.held.size();
  status.last_line = one.last_line;
  return status;
}
}  // namespace tocsin::runtime

#include "runtime/event_time/intake.h"

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/plan.h"

namespace tocsin::runtime {
Intake::Intake(const UsedEvents& used, const IntakeOptions& options, IntakeSinks sinks,
               RunSummary& summary, Advance advance)
    : plan_(used.plan),
      used_fields_(used.fields),
      options_(options),
      summary_(summary),
      reports_(used.plan, options.unknown_types, std::move(sinks), summary),
      advance_(std::move(advance)),
      waiting_(marks_),
      decoder_(used.plan, used.fields, used.types),
      slice_(used.plan),
      copied_(used.plan),
      equal_numbers_(used.plan),
      unique_(used.plan, options.unique_ids_max) {
  options_.slice_rows_max =
      std::clamp<std::size_t>(options_.slice_rows_max, 1, RowStore::kRowsPerBatchMax);
  summary_.first_event = cep::kEventTimeMax;
  summary_.last_event = cep::kEventTimeMin;
  // Within the range of event times, so that sums with them do not overflow.
  for (std::optional<cep::Duration>* const limit :
       {&options_.ahead_max, &options_.jump_max, &options_.drift_max}) {
    if (*limit) (*limit)->us = std::min((*limit)->us, cep::kEventTimeMax.us);
  }
  if (reports_.has_judged()) {
    repeated_ = [this](cep::ArrivalNumber arrival) { reports_.repeated(arrival); };
  }
  decoder_.begin(slice_);
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
  if (!sources_.empty() || policy.bound.us > 0) needs_store_ = !store_;
  marks_.open(policy.bound);
  sources_.push_back({std::string(name), policy});
  waiting_.open(policy.bound);
  waiting_.advance(sources_.size() - 1, marks_.engine());
  return sources_.size() - 1;
}

void Intake::change_policy(std::size_t index, const SourcePolicy& policy) {
  if (policy.bound.us > 0) needs_store_ = !store_;
  if (policy.late == LatePolicy::kClamp) take_all_held(index);
  sources_[index].policy = policy;
  marks_.change_bound(index, policy.bound);
  waiting_.change_bound(index, policy.bound);
}

// From the first line on that may stand out of order rows are put in a store.
void Intake::begin_store() {
  needs_store_ = false;
  rows_since_flush_ = 0;
  if (Result<void> given = give_decoded(marks_.engine()); !given) {
    failure_ = given.error();
    rows_since_flush_ = options_.slice_rows_max;
  }
  store_.emplace(plan_, used_fields_, decoder_, options_.slice_rows_max, options_.is_saved);
}

void Intake::take_event(std::size_t index, const Line& line, cep::ArrivalNumber arrival,
                        const Decoded& event) {
  if (event.ts > time_max_) {
    if (event.used) drop_row();
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
  if (block_ != nullptr ? has_problems_ : !decoder_.problems().empty()) {
    report_problems(source, line, arrival);
  }
  ++summary_.events;
  summary_.first_event = std::min(summary_.first_event, engine_time);
  summary_.last_event = std::max(summary_.last_event, engine_time);
  if (!event.used) return;
  ++rows_since_flush_;
  if (store_) {
    const std::uint64_t place = keep_in_store(engine_time, arrival, line, index);
    if (reports_.has_judged()) foresee_repeat(place, arrival);
    waiting_.add(index, {engine_time, place});
  } else if (block_ != nullptr) {
    cep::Row& row = block_->row();
    row.engine_time = engine_time;
    row.arrival = arrival;
  } else {
    decoder_.keep(engine_time, arrival);
  }
}

std::uint64_t Intake::keep_in_store(cep::EventTime engine_time, cep::ArrivalNumber arrival,
                                    const Line& line, std::size_t index) {
  if (block_ == nullptr) return store_->keep(engine_time, arrival, line, index);
  cep::Row& row = block_->row();
  row.engine_time = engine_time;
  row.arrival = arrival;
  return RowStore::place_of(*block_->stored, block_->row_index());
}

// The row of the line at hand is not taken.
void Intake::drop_row() {
  if (block_ == nullptr) {
    decoder_.drop();
    return;
  }
  block_->drop();
  if (block_->stored) store_->drop_one_of(*block_->stored);
}

void Intake::place_held(std::size_t index, const Line& line, const HeldLine& held,
                        const Decoded& event) {
  place_event(index, line, held.arrival, event, held.taken_at);
}

void Intake::foresee_repeat(std::uint64_t place, cep::ArrivalNumber arrival) {
  const RowStore::KeptRow kept = store_->kept(place);
  if (unique_.foresee(kept.batch, kept.row)) reports_.repeated(arrival);
}

// What comes before lines of a source that were taken when a clock showed `taken_at`.
void Intake::begin_lines(std::size_t source, cep::EventTime taken_at) {
  TOCSIN_ASSERT(given_ < cep::kEventTimeMax, "nothing is taken after the end of time");
  if (needs_store_) begin_store();
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
    const Decoded decoded = decoder_.decode(line.text, line.marked);
    if (decoded.kind == LineKind::kEvent) {
      take_event(source, line, arrival, decoded);
    } else {
      reports_.no_event({from.name, line, arrival}, decoded.kind, take_fault());
    }
  }
  return rows_since_flush_ >= options_.slice_rows_max;
}

void Intake::take_block_line(std::size_t index, BlockLines& lines) {
  const BlockLine& line = lines.next();
  const cep::ArrivalNumber arrival{++summary_.lines, 0};
  Source& from = sources_[index];
  from.last_line = lines.number(line);
  const Line taken{line.text, from.last_line, line.too_long, nullptr};
  if (line.used && store_ && !lines.stored) lines.stored = store_->adopt(lines.owner());
  if (line.kind == LineKind::kEvent) {
    has_problems_ = line.has_problems;
    take_event(index, taken, arrival, {LineKind::kEvent, line.used, line.type, line.ts});
  } else if (line.too_long) {
    reports_.too_long({from.name, taken, arrival}, options_.line_bytes_max);
  } else {
    reports_.no_event({from.name, taken, arrival}, line.kind, take_fault());
  }
}

Result<void> Intake::take(std::size_t source, BlockLines& lines, cep::EventTime taken_at,
                          cep::EventTime stay_until) {
  TOCSIN_ASSERT(!options_.is_saved, "lines of blocks are not kept");
  begin_lines(source, taken_at);
  // Batches of several blocks are open at a time.
  if (store_ && sources_.size() > 1) is_out_of_place_ = true;
  while (!lines.is_done()) {
    block_ = &lines;
    take_block_line(source, lines);
    const bool was_left = std::exchange(block_, nullptr) == nullptr;
    if (store_ || failure_) {
      if (failure_ || rows_since_flush_ >= options_.slice_rows_max) return flush();
    } else if (was_left) {
      rows_since_flush_ = 0;
      return give_decoded(std::max(marks_.engine(), summary_.last_event));
    } else if (lines.is_batch_done() || lines.is_done()) {
      rows_since_flush_ = 0;
      if (lines.has_rows()) return give_block(lines);
      lines.rows_given();
    }
    if (watermark_of(source) > stay_until) break;
  }
  return {};
}

// The decoder is to decode the line at hand again. What came before it in its block is given.
void Intake::leave_block() {
  if (block_ == nullptr) return;
  if (store_) {
    is_out_of_place_ = true;
  } else if (Result<void> given = give_block(*block_); !given) {
    failure_ = given.error();
  }
  block_ = nullptr;
}

// Why the line at hand is no event.
LineFault Intake::take_fault() {
  return block_ != nullptr ? block_->take_fault() : decoder_.fault();
}

bool Intake::is_too_late(const Source& source, cep::Duration late_by) const {
  if (source.policy.late == LatePolicy::kSide) return true;
  return source.policy.late_max && late_by > *source.policy.late_max;
}

void Intake::set_late_side_output(std::size_t index, const Line& line, cep::ArrivalNumber arrival,
                                  const Decoded& event) {
  if (event.used) drop_row();
  const Watermarks::Source& time = marks_.source(index);
  const Source& source = sources_[index];
  Lateness lateness{time.tracker.watermark() - event.ts};
  if (time.newest - source.policy.bound == time.tracker.watermark()) {
    lateness.moved_by = source.newest_line;
    lateness.moved_to = time.newest;
  }
  reports_.late({source.name, line, arrival}, event.ts, lateness);
}

void Intake::report_problems(const Source& source, const Line& line, cep::ArrivalNumber arrival) {
  const SourceLine from{source.name, line, arrival};
  if (block_ != nullptr) {
    for (const DecodedBlock::Problem& one : block_->take_problems()) {
      reports_.field_missing(from, one.problem);
    }
  } else {
    for (const FieldProblem& problem : decoder_.problems()) reports_.field_missing(from, problem);
  }
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

std::size_t Intake::waiting_bytes() const {
  // What was the last batch of rows is used again: where nothing waits it is nobody's.
  const std::size_t waiting = store_ ? waiting_.count() : 0;
  return waiting == 0 ? 0 : store_->bytes() + waiting * sizeof(WaitingRow);
}
}  // namespace tocsin::runtime

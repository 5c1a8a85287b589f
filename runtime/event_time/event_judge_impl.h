/// The functions of BasicEventJudge that are not for each event: for who makes one of it.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "cep/value/order.h"
#include "cep/value/read_position.h"
#include "cep/value/time.h"
#include "runtime/event_time/event_judge.h"
#include "runtime/event_time/jump_hold.h"
#include "runtime/event_time/line_reports.h"
#include "runtime/event_time/source_policy.h"
#include "runtime/event_time/watermarks.h"

namespace tocsin::runtime {
template <typename Rows, typename Waiting>
BasicEventJudge<Rows, Waiting>::BasicEventJudge(const IntakeOptions& options, Watermarks& marks,
                                                Waiting& waiting, Rows& rows, LineReports& reports,
                                                RunSummary& summary)
    : by_position_(options.order == EqualTimeOrder::kPosition),
      line_bytes_max_(options.line_bytes_max),
      ahead_max_(options.ahead_max),
      jump_max_(options.jump_max),
      marks_(marks),
      waiting_(waiting),
      rows_(rows),
      reports_(reports),
      summary_(summary) {}

template <typename Rows, typename Waiting>
std::size_t BasicEventJudge<Rows, Waiting>::open(std::string_view name,
                                                 const SourcePolicy& policy) {
  if (!sources_.empty() || policy.bound.us > 0) rows_.need_store();
  marks_.open(policy.bound);
  sources_.push_back({std::string(name), policy});
  if (by_position_) {
    const auto first = cep::arrival_at(cep::ReadPosition::of_line(sources_.size() - 1, 0));
    TOCSIN_ASSERT(first, "who opens sources by position counts them");
    sources_.back().position = first->record;
  }
  waiting_.open(policy.bound);
  waiting_.advance(sources_.size() - 1, marks_.engine());
  return sources_.size() - 1;
}

template <typename Rows, typename Waiting>
bool BasicEventJudge<Rows, Waiting>::has_positions(std::size_t index, std::size_t lines) const {
  return !by_position_ ||
         lines < cep::ReadPosition::kOffsets - cep::offset_of({sources_[index].position, 0});
}

template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::change_policy(std::size_t index, const SourcePolicy& policy) {
  if (policy.bound.us > 0) rows_.need_store();
  if (policy.late == LatePolicy::kClamp) take_all_held(index);
  sources_[index].policy = policy;
  marks_.change_bound(index, policy.bound);
  waiting_.change_bound(index, policy.bound);
}

template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::wake(std::size_t index) {
  take_overtaken();
  if (marks_.source(index).state == SourceState::kActive) return;
  marks_.wake(index);
  follow();
}

template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::set_clock(cep::EventTime taken_at) {
  taken_at_ = taken_at;
  if (!ahead_max_) return;
  constexpr std::int64_t kClockMax = cep::kEventTimeMax.us / 2;
  const std::int64_t now = std::clamp(taken_at.us, -kClockMax, kClockMax);
  time_max_ = cep::EventTime{now} + *ahead_max_;
}

template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::take_line(std::size_t index, const Line& line,
                                               cep::ArrivalNumber arrival) {
  ++summary_.lines;
  const EventSource& from = begin_line(index, line.number);
  if (line.too_long) {
    reports_.too_long({from.name, line, arrival}, line_bytes_max_);
  } else if (!line.fault.empty()) {
    reports_.dead_letter({from.name, line, arrival}, std::string(line.fault));
  } else {
    const Decoded decoded = rows_.decode(line);
    if (decoded.kind == LineKind::kEvent) {
      take(index, line, arrival, decoded);
    } else {
      reports_.no_event({from.name, line, arrival}, decoded.kind, rows_.take_fault());
    }
  }
}

// What take() and place() do for each line, done once for many.
template <typename Rows, typename Waiting>
std::size_t BasicEventJudge<Rows, Waiting>::take_usual(std::size_t index, BlockLines& lines,
                                                       cep::EventTime stay_until) {
  EventSource& source = sources_[index];
  if (!rows_.stay_in_blocks() || !source.held.empty()) return 0;
  const Watermarks::Source& time = marks_.source(index);
  const bool may_jump = jump_max_ && source.policy.late != LatePolicy::kClamp;
  cep::EventTime newest = time.newest;
  cep::EventTime watermark = time.tracker.watermark();
  const std::span<const BlockLine> rest = lines.rest().first(lines.rest().size() - 1);
  const std::span<cep::Row> rows = lines.rest_of_rows();
  const BlockLine* newest_line = nullptr;
  const std::uint64_t first = by_position_ ? source.position : summary_.lines;
  std::size_t count = 0;
  std::size_t row = 0;
  for (; count < rest.size() && watermark <= stay_until; ++count) {
    const BlockLine& line = rest[count];
    if (line.kind != LineKind::kEvent || line.has_problems) break;
    if (line.ts < watermark || line.ts > time_max_) break;
    if (may_jump && newest > cep::kEventTimeMin && line.ts - *jump_max_ > newest) break;
    if (line.used) {
      if (row + 1 >= rows.size()) break;
      rows[row].engine_time = line.ts;
      rows[row].arrival = {first + count + 1, 0};
      ++row;
    }
    if (line.ts > watermark) newest_line = &line;
    watermark = line.ts;
    newest = std::max(newest, line.ts);
  }
  if (count == 0) return 0;
  source.position += count;
  source.last_line = lines.number(rest[count - 1]);
  summary_.first_event = std::min(summary_.first_event, rest.front().ts);
  summary_.last_event = std::max(summary_.last_event, watermark);
  summary_.lines += count;
  summary_.events += count;
  source.events += count;
  if (marks_.observe(index, watermark, taken_at_)) {
    source.newest_line = lines.number(*newest_line);
    waiting_.advance(index, watermark);
  }
  rows_.keep_in_block(row);
  lines.select_all(count, row);
  return count;
}

template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::reject_ahead(std::size_t index, const Line& line,
                                                  cep::ArrivalNumber arrival,
                                                  const Decoded& event) {
  if (event.used) rows_.drop();
  reports_.too_far_ahead({sources_[index].name, line, arrival}, event.type, event.ts, *ahead_max_);
}

template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::set_late_side_output(std::size_t index, const Line& line,
                                                          cep::ArrivalNumber arrival,
                                                          const Decoded& event) {
  if (event.used) rows_.drop();
  const Watermarks::Source& time = marks_.source(index);
  const EventSource& source = sources_[index];
  Lateness lateness{time.tracker.watermark() - event.ts};
  if (time.newest - source.policy.bound == time.tracker.watermark()) {
    lateness.moved_by = source.newest_line;
    lateness.moved_to = time.newest;
  }
  reports_.late({source.name, line, arrival}, event.ts, lateness);
}

template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::decide(DecisionKind kind, std::optional<std::size_t> source,
                                            cep::EventTime clock) {
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
  follow();
}

template <typename Rows, typename Waiting>
bool BasicEventJudge<Rows, Waiting>::is_jump(std::size_t index, cep::EventTime ts) const {
  const cep::EventTime reached = marks_.reached(index);
  return reached > cep::kEventTimeMin && ts - *jump_max_ > reached;
}

// Whether the event itself is held. Where it decided about others it was decoded again.
template <typename Rows, typename Waiting>
bool BasicEventJudge<Rows, Waiting>::weigh_jump(std::size_t index, const Line& line,
                                                cep::ArrivalNumber arrival, Decoded& event) {
  const cep::Duration bound = sources_[index].policy.bound;
  bool jumps = is_jump(index, event.ts);
  const JumpHold::Decided decided = sources_[index].held.next(event.ts, jumps, bound, *jump_max_);
  if (!decided.empty()) {
    if (event.used) rows_.drop();
    rows_.leave_block();
    for (const HeldLine& held : decided.rejected) {
      reports_.jump_rejected(sources_[index].name, held, *jump_max_);
    }
    for (const HeldLine& held : decided.confirmed) take_held(index, held);
    rows_.make_room();
    event = rows_.decode({line.whole()});
    jumps = is_jump(index, event.ts);
  }
  if (!jumps) return false;
  if (event.used) rows_.drop();
  ++summary_.jumps;
  sources_[index].held.add({std::string(line.whole()), line.number,
                            std::string(reports_.producer()), arrival, taken_at_, event.ts,
                            marks_.reached(index), 0});
  return true;
}

// As if it came now, in its own place among arrivals.
template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::take_held(std::size_t index, const HeldLine& held) {
  rows_.begin_lines();  // a source may have come since the last line
  rows_.make_room();
  const std::string_view producer = reports_.producer();
  reports_.name_lines(held.producer);
  const Line line{held.text, held.number};
  const Decoded event = rows_.decode_again(held.text);
  if (event.kind == LineKind::kEvent) {
    rows_.expect_disorder();
    place(index, line, held.arrival, event, held.taken_at);
  } else {
    reports_.no_event({sources_[index].name, line, held.arrival}, event.kind, rows_.take_fault());
  }
  reports_.name_lines(producer);
}

template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::take_held_until(std::size_t index, cep::EventTime time) {
  if (sources_[index].held.empty()) return;
  for (const HeldLine& held : sources_[index].held.take_until(time)) take_held(index, held);
}

// As lines that come now: an idle source wakes for them, so that the engine's time follows what is
// given.
template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::take_all_held(std::size_t index) {
  if (sources_[index].held.empty()) return;
  const SourceState state = marks_.source(index).state;
  if (state != SourceState::kActive) marks_.wake(index);
  take_held_until(index, cep::kEventTimeMax);
  if (state == SourceState::kIdle) marks_.idle(index);
  if (state == SourceState::kEnded) marks_.end(index);
}

// Before silence moves the source's time past them: then they would be late.
template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::take_held_in_silence(std::optional<std::size_t> index,
                                                          cep::EventTime clock) {
  if (!jump_max_) return;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].held.empty() || (index && *index != i)) continue;
    const cep::EventTime reached = marks_.reached_in_silence(i, clock);
    take_held_until(i, {std::min(reached.us + jump_max_->us, cep::kEventTimeMax.us)});
  }
}

template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::take_overtaken() {
  if (must_take_held_) {  // held under other options
    must_take_held_ = false;
    for (std::size_t i = 0; i < sources_.size(); ++i) take_all_held(i);
  }
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].held.empty() || marks_.source(i).state == SourceState::kActive) continue;
    take_held_until(i, marks_.engine());
  }
}

template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::take_rest() {
  for (std::size_t i = 0; i < sources_.size(); ++i) take_held_until(i, cep::kEventTimeMax);
}

template <typename Rows, typename Waiting>
void BasicEventJudge<Rows, Waiting>::save(ByteWriter& writer) const {
  writer.varint(sources_.size());
  for (const EventSource& source : sources_) {
    writer.text(source.name);
    writer.i64(source.policy.bound.us);
    writer.u8(static_cast<std::uint8_t>(source.policy.late));
    writer.u8(source.policy.late_max ? 1 : 0);
    if (source.policy.late_max) writer.i64(source.policy.late_max->us);
    writer.varint(source.last_line);
    writer.varint(source.newest_line);
    source.held.save(writer);
  }
  marks_.save(writer);
}

template <typename Rows, typename Waiting>
bool BasicEventJudge<Rows, Waiting>::restore(ByteReader& reader, bool has_jumps) {
  constexpr std::size_t kLeastBytes = 12;  // of one source
  std::vector<cep::Duration> bounds;
  for (std::uint64_t left = reader.varint_up_to(reader.left() / kLeastBytes); left > 0; --left) {
    const std::string_view name = reader.text();
    SourcePolicy policy;
    policy.bound.us = reader.i64();
    const std::uint8_t late = reader.u8();
    const std::uint8_t has_late_max = reader.u8();
    if (has_late_max == 1) policy.late_max = cep::Duration{reader.i64()};
    const std::uint64_t last_line = reader.varint();
    if (!reader.ok() || policy.bound.us < 0 || policy.bound.us > cep::kEventTimeMax.us ||
        late > static_cast<std::uint8_t>(LatePolicy::kClamp) || has_late_max > 1) {
      return false;
    }
    policy.late = static_cast<LatePolicy>(late);
    bounds.push_back(policy.bound);
    sources_.push_back({std::string(name), policy});
    waiting_.open(policy.bound);
    sources_.back().last_line = last_line;
    if (!has_jumps) continue;
    sources_.back().newest_line = reader.varint();
    if (!sources_.back().held.restore(reader)) return false;
  }
  if (!reader.ok() || !marks_.restore(reader, bounds)) return false;
  // Silence may have moved a source's time past what it holds, which is judged when it is taken.
  for (const EventSource& source : sources_) {
    must_take_held_ = must_take_held_ || (!source.held.empty() && !jump_max_);
  }
  if (!must_take_held_) follow();
  return true;
}
}  // namespace tocsin::runtime

#include "tests/support/arrivals.h"

#include <algorithm>
#include <utility>

#include "cep/data/batch.h"
#include "runtime/decode/declared_fields.h"
#include "runtime/event_time/unknown_type.h"
#include "runtime/event_time/watermark.h"

namespace tocsin::oracle {
using cep::EventTime;

namespace {
// Lists of what was set aside are in the order of arrival, whenever it was decided.
void insert(std::vector<SetSideOutput>& all, SetSideOutput line) {
  const auto place = std::ranges::upper_bound(all, line.arrival, {}, &SetSideOutput::arrival);
  all.insert(place, std::move(line));
}
// All that stands in a line.
std::vector<std::vector<bool>> fields_sent(const cep::Plan& plan) {
  std::vector<std::vector<bool>> all;
  for (const cep::EventType& type : plan.event_types) {
    std::vector<bool>& sent = all.emplace_back();
    for (const cep::Field& field : type.fields) sent.push_back(!type.is_alert() && !field.computed);
  }
  return all;
}
std::vector<bool> types_sent(const cep::Plan& plan) {
  std::vector<bool> sent;
  for (const cep::EventType& type : plan.event_types) sent.push_back(!type.is_alert());
  return sent;
}
}  // namespace

Arrivals::Arrivals(const cep::Plan& plan, const ArrivalOptions& options)
    : plan_(plan),
      options_(options),
      bound_(options.bound.value_or(runtime::bound_of(plan))),
      decoder_(plan, fields_sent(plan), types_sent(plan)) {}

Arrivals::~Arrivals() = default;

Arrivals::Source& Arrivals::source(const std::string& name) {
  Source fresh;
  fresh.watermark = watermark_;
  return sources_.try_emplace(name, fresh).first->second;
}

// The engine's time is the least of those that hold it, and never goes back.
void Arrivals::move_time() {
  EventTime least = cep::kEventTimeMax;
  bool held = false;
  for (const auto& [name, source] : sources_) {
    if (source.state != State::kActive) continue;
    least = std::min(least, source.watermark);
    held = true;
  }
  if (held) watermark_ = std::max(watermark_, least);
}

void Arrivals::wake(Source& of) {
  of.state = State::kActive;
  of.watermark = std::max(of.watermark, watermark_);
}

void Arrivals::line(const std::string& name, std::string_view text, cep::ArrivalNumber arrival,
                    EventTime taken_at) {
  Source& from = source(name.starts_with("http/") ? "http" : name);
  lines_[name].emplace_back(text);
  Judged& judged = judged_[name].emplace_back();
  if (text.find_first_not_of(" \t\r") == std::string_view::npos) return;  // nobody said anything
  if (from.state != State::kActive) {
    take_overtaken();
    wake(from);
    move_time();  // it may be the only one that holds it
  }
  // A carriage return is a part of the line's end.
  SetSideOutput side_output{arrival, name, lines_[name].size(), std::string(text), {}, {}, 0};
  if (side_output.text.ends_with('\r')) side_output.text.pop_back();
  if (text.size() > options_.line_bytes_max) {
    judged = {Judged::Fate::kDead, {}, {}, 0};
    dead_.push_back(std::move(side_output));
    return;
  }
  std::string padded(text);
  padded.append(runtime::kLinePadding, '\0');
  const std::string_view whole = std::string_view(padded).substr(0, text.size());
  cep::Batch batch(plan_);
  decoder_.begin(batch);
  const runtime::Decoded decoded = decoder_.decode(whole);
  if (decoded.kind == runtime::LineKind::kDeadLetter)
    side_output.reason = decoder_.dead_letter_reason();
  if (decoded.used) decoder_.drop();
  decoder_.finish();  // the batch goes with this line
  const bool is_unknown = decoded.kind == runtime::LineKind::kIgnored;
  if (is_unknown && !options_.ignores_unknown) {
    side_output.reason = runtime::UnknownTypeReasons(plan_).of(decoder_.ignored_type());
    judged = {Judged::Fate::kDead, {}, side_output.reason, 0};
    dead_.push_back(std::move(side_output));
    return;
  }
  if (is_unknown) {
    ++ignored_;
    judged = {Judged::Fate::kIgnored, {}, decoder_.ignored_type(), 0};
  }
  if (decoded.kind == runtime::LineKind::kDeadLetter ||
      (decoded.kind == runtime::LineKind::kEvent && options_.ahead_max &&
       decoded.ts > taken_at + *options_.ahead_max)) {
    judged = {Judged::Fate::kDead, {}, side_output.reason, 0};
    dead_.push_back(std::move(side_output));
    return;
  }
  if (decoded.kind != runtime::LineKind::kEvent) return;
  const Jumped event{
      std::move(side_output), lines_[name].size() - 1, places_++, decoded.ts, taken_at, 0};
  judged = {Judged::Fate::kAccepted, {}, {}, event.place};
  if (!weigh(from, event)) take(from, event);
}

// Up to where the source has come: its newest event, or what silence and others have promised.
EventTime Arrivals::time_of(const Source& of) const {
  return std::max(of.newest, of.watermark + bound_);
}

bool Arrivals::jumps(const Source& of, EventTime ts) const {
  if (!options_.jump_max || of.clamps || options_.late == Late::kClamp) return false;
  return of.newest != cep::kEventTimeMin && ts > time_of(of) + *options_.jump_max;
}

// What the event says about those that wait, and whether it waits itself.
bool Arrivals::weigh(Source& from, const Jumped& event) {
  if (!from.jumped.empty()) {
    const bool also = jumps(from, event.ts);
    const auto agrees = [&](const Jumped& other) {
      const bool is_near = event.ts + *options_.jump_max >= other.ts;
      return event.ts + bound_ >= other.ts || (also && is_near);
    };
    const Jumped last = from.jumped.back();
    const bool moved = from.last_jumped && agrees(last);
    const std::vector<Jumped> waiting = std::exchange(from.jumped, {});
    std::vector<Jumped> confirmed;
    for (Jumped one : waiting) {
      if ((moved && one.ts <= last.ts + *options_.jump_max) || (!also && one.ts <= event.ts)) {
        confirmed.push_back(one);
        continue;
      }
      if (!agrees(one)) ++one.against;
      if (one.against < 3) {
        from.jumped.push_back(one);
        continue;
      }
      ++jumps_rejected_;
      judged_[one.line.source][one.number] = {Judged::Fate::kDead, {}, {}, 0};
      insert(dead_, one.line);
    }
    for (const Jumped& one : confirmed) take(from, one);
  }
  from.last_jumped = jumps(from, event.ts);
  if (!from.last_jumped) return false;
  ++jumps_;
  from.jumped.push_back(event);
  return true;
}

void Arrivals::take_until(Source& from, EventTime time) {
  std::vector<Jumped> due;
  for (const Jumped& one : from.jumped) {
    if (one.ts <= time) due.push_back(one);
  }
  if (due.empty()) return;
  if (from.jumped.back().ts <= time) from.last_jumped = false;
  std::erase_if(from.jumped, [&](const Jumped& one) { return one.ts <= time; });
  std::ranges::stable_sort(due, {}, &Jumped::ts);
  for (const Jumped& one : due) take(from, one);
}

// Who is silent does not hold time, and nothing of it may come to be late by that.
void Arrivals::take_overtaken() {
  for (auto& [name, source] : sources_) {
    if (source.state != State::kActive) take_until(source, watermark_);
  }
}

void Arrivals::settle() {
  for (auto& [name, source] : sources_) take_until(source, cep::kEventTimeMax);
  for (const PlacedEvent& event : placed_) watermark_ = std::max(watermark_, event.engine_time);
  for (auto& [name, source] : sources_) source.watermark = std::max(source.watermark, watermark_);
}

std::vector<PlacedEvent> Arrivals::placed() const {
  std::vector<PlacedEvent> in_order = placed_;
  std::ranges::sort(in_order, {}, &PlacedEvent::arrival);
  return settle_events(plan_, std::move(in_order));
}

void Arrivals::take(Source& from, const Jumped& event) {
  std::string padded = event.line.text;
  padded.append(runtime::kLinePadding, '\0');
  const std::string_view whole = std::string_view(padded).substr(0, event.line.text.size());
  cep::Batch batch(plan_);
  decoder_.begin(batch);
  const runtime::Decoded decoded = decoder_.decode(whole);
  if (decoded.used) decoder_.drop();
  decoder_.finish();
  Judged& judged = judged_[event.line.source][event.number];
  EventTime engine_time = event.ts;
  if (event.ts < from.watermark) {
    const bool too_late = options_.late_max && event.ts + *options_.late_max < from.watermark;
    if (!from.clamps && (options_.late == Late::kSide || too_late)) {
      SetSideOutput side_output = event.line;
      side_output.late_by = from.watermark - event.ts;
      judged = {Judged::Fate::kLate, side_output.late_by, {}, 0};
      insert(late_, std::move(side_output));
      return;
    }
    engine_time = from.watermark;
    judged.fate = Judged::Fate::kClamped;
    judged.late_by = from.watermark - event.ts;
    ++clamped_;
  } else {
    if (event.ts > from.newest) {
      from.newest = event.ts;
      from.newest_at = event.taken_at;
    }
    from.watermark = std::max(from.watermark, event.ts - bound_);
    move_time();
  }
  cep::Row row;
  row.type = decoded.type;
  row.ts = decoded.ts;
  row.raw = whole;
  cep::TextArena scratch;
  PlacedEvent placed;
  placed.arrival = event.place;
  placed.type = decoded.type;
  placed.engine_time = engine_time;
  placed.ts = decoded.ts;
  for (const cep::Value& value : runtime::declared_fields(plan_, row, scratch)) {
    placed.fields.emplace_back(value);
  }
  taken_before_[placed.arrival] = placed_.size();
  placed_.push_back(std::move(placed));
}

void Arrivals::clamp(const std::string& source_name) { source(source_name).clamps = true; }

bool Arrivals::put_in_again(bool is_late, cep::ArrivalNumber arrival, std::uint64_t record) {
  for (SetSideOutput& side_output : is_late ? late_ : dead_) {
    if (side_output.arrival.record != arrival.record || side_output.arrival.index != arrival.index)
      continue;
    if (side_output.reinjected_as != 0) return false;
    side_output.reinjected_as = record;
    return true;
  }
  return false;
}

// Silence until now: the source's time goes on as the clock did, and never beyond it.
void Arrivals::beat(Source& of, EventTime clock) const {
  if (of.state == State::kEnded || of.newest == cep::kEventTimeMin || clock <= of.newest_at) return;
  const EventTime reached = std::min(of.newest + (clock - of.newest_at), clock);
  of.watermark = std::max(of.watermark, reached - bound_);
}

void Arrivals::decide(const runtime::Decision& decision) {
  const std::string name(decision.source);
  take_overtaken();
  switch (decision.kind) {
    case runtime::DecisionKind::kIdle:
      if (sources_.contains(name) && sources_[name].state == State::kActive) {
        take_in_silence(sources_[name], decision.clock);
        sources_[name].state = State::kIdle;
      }
      break;
    case runtime::DecisionKind::kAwake:
      wake(source(name));
      break;
    case runtime::DecisionKind::kEnded:
      if (sources_.contains(name)) {
        Source& ended = sources_[name];
        if (!ended.jumped.empty() && ended.state != State::kActive) wake(ended);
        take_until(ended, cep::kEventTimeMax);
        ended.state = State::kEnded;
      }
      break;
    case runtime::DecisionKind::kHeartbeat:
      heartbeat(name, decision.clock);
      break;
  }
  move_time();
}

// Before silence moves time past what waits: all that is then no jump any more.
void Arrivals::take_in_silence(Source& of, EventTime clock) {
  if (of.jumped.empty()) return;
  EventTime reached = time_of(of);
  if (clock > of.newest_at) {
    reached = std::max(reached, std::min(of.newest + (clock - of.newest_at), clock));
  }
  take_until(of, reached + *options_.jump_max);
}

void Arrivals::heartbeat(const std::string& name, EventTime clock) {
  for (auto& [of, source] : sources_) {
    if (name.empty() || of == name) take_in_silence(source, clock);
  }
  EventTime least = cep::kEventTimeMax;
  EventTime furthest = cep::kEventTimeMin;
  bool held = false;
  for (auto& [of, source] : sources_) {
    if (name.empty() || of == name) beat(source, clock);
    if (source.state == State::kEnded) continue;
    if (source.state == State::kActive) held = true;
    if (source.newest == cep::kEventTimeMin) continue;
    furthest = std::max(furthest, source.watermark);
    if (source.state == State::kActive) least = std::min(least, source.watermark);
  }
  // Where nobody holds time, it follows who is furthest.
  if (!held) watermark_ = std::max(watermark_, furthest);
  if (!name.empty() || least == cep::kEventTimeMax) return;
  // Who never had an event goes along with the others.
  for (auto& [of, source] : sources_) {
    if (source.state == State::kActive && source.newest == cep::kEventTimeMin) {
      source.watermark = std::max(source.watermark, least);
    }
  }
}
}  // namespace tocsin::oracle

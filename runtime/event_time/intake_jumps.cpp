// Events that jump ahead of their source's time (runtime/event_time/jump_hold.h), as the intake
// takes them.
#include <algorithm>

#include "runtime/event_time/intake.h"

namespace tocsin::runtime {
bool Intake::is_jump(std::size_t index, cep::EventTime ts) const {
  const cep::EventTime reached = marks_.reached(index);
  return reached > cep::kEventTimeMin && ts - *options_.jump_max > reached;
}

// Whether the event itself is held. Where it decided about others it was decoded again.
bool Intake::weigh_jump(std::size_t index, const Line& line, cep::ArrivalNumber arrival,
                        Decoded& event) {
  const cep::Duration bound = sources_[index].policy.bound;
  bool jumps = is_jump(index, event.ts);
  const JumpHold::Decided decided =
      sources_[index].held.next(event.ts, jumps, bound, *options_.jump_max);
  if (!decided.empty()) {
    if (event.used) rows_.drop();
    rows_.leave_block();
    for (const HeldLine& held : decided.rejected) {
      reports_.jump_rejected(sources_[index].name, held, *options_.jump_max);
    }
    for (const HeldLine& held : decided.confirmed) take_held(index, held);
    rows_.make_room();
    event = rows_.decode({line.text});
    jumps = is_jump(index, event.ts);
  }
  if (!jumps) return false;
  if (event.used) rows_.drop();
  ++summary_.jumps;
  sources_[index].held.add({std::string(line.text), line.number, std::string(reports_.producer()),
                            arrival, taken_at_, event.ts, marks_.reached(index), 0});
  return true;
}

// As if it came now, in its own place among arrivals.
void Intake::take_held(std::size_t index, const HeldLine& held) {
  rows_.make_room();
  const std::string_view producer = reports_.producer();
  reports_.name_lines(held.producer);
  const Line line{held.text, held.number};
  const Decoded event = rows_.decode_again(held.text);
  if (event.kind == LineKind::kEvent) {
    rows_.expect_disorder();
    place_held(index, line, held, event);
  } else {
    reports_.no_event({sources_[index].name, line, held.arrival}, event.kind, rows_.take_fault());
  }
  reports_.name_lines(producer);
}

void Intake::take_held_until(std::size_t index, cep::EventTime time) {
  if (sources_[index].held.empty()) return;
  for (const HeldLine& held : sources_[index].held.take_until(time)) take_held(index, held);
}

// As lines that come now: an idle source wakes for them, so that the engine's time follows what is
// given.
void Intake::take_all_held(std::size_t index) {
  if (sources_[index].held.empty()) return;
  const SourceState state = marks_.source(index).state;
  if (state != SourceState::kActive) marks_.wake(index);
  take_held_until(index, cep::kEventTimeMax);
  if (state == SourceState::kIdle) marks_.idle(index);
  if (state == SourceState::kEnded) marks_.end(index);
}

// Before silence moves the source's time past them: then they would be late.
void Intake::take_held_in_silence(std::optional<std::size_t> index, cep::EventTime clock) {
  if (!options_.jump_max) return;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].held.empty() || (index && *index != i)) continue;
    const cep::EventTime reached = marks_.reached_in_silence(i, clock);
    take_held_until(i, {std::min(reached.us + options_.jump_max->us, cep::kEventTimeMax.us)});
  }
}

// An idle source does not hold W, which may come to what it holds: other sources confirm its time.
void Intake::take_overtaken() {
  if (must_take_held_) {  // held under other options
    must_take_held_ = false;
    for (std::size_t i = 0; i < sources_.size(); ++i) take_all_held(i);
  }
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].held.empty() || marks_.source(i).state == SourceState::kActive) continue;
    take_held_until(i, marks_.engine());
  }
}
}  // namespace tocsin::runtime

#include "runtime/event_time/jump_hold.h"

#include <algorithm>
#include <utility>

namespace tocsin::runtime {
namespace {
// Two events cannot follow one another without a decision: more than these are never held.
constexpr std::size_t kHeldMax = 64;

bool is_event_time(cep::EventTime time) {
  return time >= cep::kEventTimeMin && time <= cep::kEventTimeMax;
}
}  // namespace

void JumpHold::add(HeldLine line) {
  held_.push_back(std::move(line));
  is_last_held_ = true;
}

JumpHold::Decided JumpHold::next(cep::EventTime ts, bool is_jump, cep::Duration bound,
                                 cep::Duration jump_max) {
  Decided decided;
  const auto is_at_new_time = [&](const HeldLine& line) {
    return ts >= line.ts - bound || (is_jump && ts >= line.ts - jump_max);
  };
  std::vector<HeldLine> rest;
  const bool is_confirmed = is_last_held_ && is_at_new_time(held_.back());
  const cep::EventTime new_time = is_confirmed ? held_.back().ts : cep::kEventTimeMin;
  for (HeldLine& line : held_) {
    const bool is_reached = !is_jump && line.ts <= ts;  // step by step
    if (is_reached || (is_confirmed && line.ts - jump_max <= new_time)) {
      decided.confirmed.push_back(std::move(line));
    } else if (!is_at_new_time(line) && ++line.against == kAgainstMax) {
      decided.rejected.push_back(std::move(line));
    } else {
      rest.push_back(std::move(line));
    }
  }
  held_ = std::move(rest);
  is_last_held_ = false;
  return decided;
}

std::vector<HeldLine> JumpHold::take_until(cep::EventTime time) {
  std::vector<HeldLine> taken;
  std::vector<HeldLine> rest;
  if (!held_.empty() && held_.back().ts <= time) is_last_held_ = false;
  for (HeldLine& line : held_) (line.ts <= time ? taken : rest).push_back(std::move(line));
  held_ = std::move(rest);
  std::ranges::stable_sort(taken, {}, &HeldLine::ts);
  return taken;
}

void JumpHold::save(ByteWriter& writer) const {
  writer.varint(held_.size());
  for (const HeldLine& line : held_) {
    writer.text(line.text);
    writer.varint(line.number);
    writer.text(line.producer);
    writer.varint(line.arrival.record);
    writer.varint(line.arrival.index);
    writer.i64(line.taken_at.us);
    writer.i64(line.ts.us);
    writer.i64(line.jumped_from.us);
    writer.u8(static_cast<std::uint8_t>(line.against));
  }
  writer.u8(is_last_held_ ? 1 : 0);
}

bool JumpHold::restore(ByteReader& reader) {
  held_.clear();
  for (std::uint64_t left = reader.varint_up_to(kHeldMax); left > 0; --left) {
    HeldLine line;
    line.text = reader.text();
    line.number = reader.varint();
    line.producer = reader.text();
    line.arrival.record = reader.varint();
    line.arrival.index = static_cast<std::uint32_t>(reader.varint_up_to(UINT32_MAX));
    line.taken_at.us = reader.i64();
    line.ts.us = reader.i64();
    line.jumped_from.us = reader.i64();
    line.against = reader.u8();
    if (!reader.ok() || line.text.empty() || !is_event_time(line.ts) ||
        !is_event_time(line.jumped_from) || line.against >= kAgainstMax) {
      return false;
    }
    held_.push_back(std::move(line));
  }
  const std::uint8_t is_last_held = reader.u8();
  is_last_held_ = is_last_held == 1;
  return reader.ok() && is_last_held <= 1 && (!is_last_held_ || !held_.empty());
}
}  // namespace tocsin::runtime

// The state of an intake as bytes.
//
//   u8 version, 2; 1 has nothing of what is marked so
//   the summary's counts (LineReports::save)
//   u8 1 where rows are in a store, i64 the watermark given last
//   v sources, and each: text name, i64 bound, u8 policy, u8 1 and i64 late_max or u8 0,
//     v line taken last, v line that moved time last (2), what is held (JumpHold::save, 2)
//   W and each source's time (Watermarks::save)
//   unique ids (UniqueFilter::save), numbers among equals (EqualNumbers::save)
//   v waiting events, in the order of arrival, and each: v source, i64 engine time,
//     v arrival record, v arrival index, v line number, text line
//
// Numbers are little endian, v is a varint (cep/base/byte_codec.h).
#include <utility>

#include "cep/base/assert.h"
#include "runtime/event_time/intake.h"

namespace tocsin::runtime {
namespace {
constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kVersionWithoutJumps = 1;

bool is_event_time(cep::EventTime time) {
  return time >= cep::kEventTimeMin && time <= cep::kEventTimeMax;
}
}  // namespace

void Intake::save(std::string& to) {
  begin_save();
  while (!write_save(to, SIZE_MAX / 2)) {
  }
}

void Intake::begin_save() {
  save_head_.clear();
  ByteWriter head(save_head_);
  head.u8(kVersion);
  reports_.save(head);
  head.u8(rows_.has_store() ? 1 : 0);
  head.i64(rows_.given().us);
  save_sources(head);
  marks_.save(head);
  save_bytes_ = save_head_.size() + rows_.begin_save();
}

bool Intake::write_save(std::string& to, std::size_t bytes_max) {
  TOCSIN_ASSERT(rows_.is_saving(), "a cut is written");
  const std::size_t end = to.size() + bytes_max;
  if (!save_head_.empty()) {
    // At once: growing would copy what is there already.
    to.reserve(to.size() + save_bytes_);
    to += save_head_;
    save_head_.clear();
  }
  return rows_.write_save(to, end);
}

void Intake::end_save() { rows_.end_save(); }

Result<void> Intake::restore(std::string_view from) {
  TOCSIN_ASSERT(sources_.empty(), "nothing was taken before");
  ByteReader reader(from);
  const std::uint8_t version = reader.u8();
  if (version != kVersion && version != kVersionWithoutJumps && reader.ok()) {
    return fail(Errc::kOtherVersion,
                "the state of the inputs has a format that this program does not know");
  }
  reports_.restore(reader, version != kVersionWithoutJumps);
  const std::uint8_t has_store = reader.u8();
  const cep::EventTime given{reader.i64()};
  bool is_sound = has_store <= 1 && is_event_time(given) && is_event_time(summary_.last_event) &&
                  restore_sources(reader, version);
  if (is_sound) {
    std::vector<std::string_view> names;
    for (const Source& source : sources_) names.emplace_back(source.name);
    is_sound = rows_.restore(reader, has_store == 1, given, names) && reader.is_done();
  }
  if (!is_sound) return fail(Errc::kCorrupt, "the state of the inputs is damaged");
  return {};
}

void Intake::save_sources(ByteWriter& writer) const {
  writer.varint(sources_.size());
  for (const Source& source : sources_) {
    writer.text(source.name);
    writer.i64(source.policy.bound.us);
    writer.u8(static_cast<std::uint8_t>(source.policy.late));
    writer.u8(source.policy.late_max ? 1 : 0);
    if (source.policy.late_max) writer.i64(source.policy.late_max->us);
    writer.varint(source.last_line);
    writer.varint(source.newest_line);
    source.held.save(writer);
  }
}

// With what Watermarks::save() wrote of them.
bool Intake::restore_sources(ByteReader& reader, std::uint8_t version) {
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
    if (version == kVersionWithoutJumps) continue;
    sources_.back().newest_line = reader.varint();
    if (!sources_.back().held.restore(reader)) return false;
  }
  if (!reader.ok() || !marks_.restore(reader, bounds)) return false;
  // Silence may have moved a source's time past what it holds, which is judged when it is taken.
  for (const Source& source : sources_) {
    must_take_held_ = must_take_held_ || (!source.held.empty() && !options_.jump_max);
  }
  if (!must_take_held_) move_buffers();
  return true;
}
}  // namespace tocsin::runtime

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
#include <algorithm>
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
  TOCSIN_ASSERT(save_stage_ == SaveStage::kNone, "one cut at a time");
  TOCSIN_ASSERT(rows_since_flush_ == 0, "all that is settled was given before");
  TOCSIN_ASSERT(options_.is_saved || waiting_.count() == 0, "the lines of waiting events are kept");
  save_head_.clear();
  save_equals_.clear();
  ByteWriter head(save_head_);
  head.u8(kVersion);
  reports_.save(head);
  head.u8(store_ || needs_store_ ? 1 : 0);
  head.i64(given_.us);
  save_sources(head);
  marks_.save(head);
  unique_.begin_save();
  ByteWriter equals(save_equals_);
  equal_numbers_.save(equals);
  save_waiting_ = waiting_.count();
  equals.varint(save_waiting_);
  if (save_waiting_ > 0) store_->begin_save();
  constexpr std::size_t kBytesOfId = 20;
  save_bytes_ = save_head_.size() + save_equals_.size() + unique_.known() * kBytesOfId +
                (save_waiting_ > 0 ? store_->bytes() : 0);
  save_stage_ = SaveStage::kHead;
}

bool Intake::write_save(std::string& to, std::size_t bytes_max) {
  TOCSIN_ASSERT(save_stage_ != SaveStage::kNone, "a cut is written");
  const std::size_t end = to.size() + bytes_max;
  if (save_stage_ == SaveStage::kHead) {
    // At once: growing would copy what is there already.
    to.reserve(to.size() + save_bytes_);
    to += save_head_;
    save_stage_ = SaveStage::kIds;
  }
  if (save_stage_ == SaveStage::kIds) {
    if (!unique_.write_save(to, end)) return false;
    to += save_equals_;
    save_stage_ = SaveStage::kWaiting;
  }
  ByteWriter writer(to);
  while (save_waiting_ > 0) {
    if (to.size() >= end) return false;
    const std::optional<RowStore::SavedRow> saved = store_->next_of_save();
    if (!saved) {
      TOCSIN_ASSERT(store_->is_saving(), "each waiting event has a row");
      return false;
    }
    writer.varint(saved->source);
    writer.i64(saved->row->engine_time.us);
    writer.varint(saved->row->arrival.record);
    writer.varint(saved->row->arrival.index);
    writer.varint(saved->line.number);
    writer.text(saved->line.text);
    --save_waiting_;
  }
  end_save();
  return true;
}

void Intake::end_save() {
  if (save_stage_ == SaveStage::kNone) return;
  save_stage_ = SaveStage::kNone;
  unique_.end_save();
  if (store_) store_->end_save();
}

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
  given_.us = reader.i64();
  const EqualNumbers::DecodeLine decode = [&](std::string_view line, cep::EventTime time,
                                              cep::Batch& batch) {
    decoder_.begin(batch);
    const Decoded decoded = decode_again(line);
    const bool has_row = decoded.kind == LineKind::kEvent && decoded.used;
    if (has_row) decoder_.keep(time, {});
    decoder_.finish();
    return has_row;
  };
  bool is_sound = has_store <= 1 && is_event_time(given_) && is_event_time(summary_.last_event) &&
                  restore_sources(reader, version) && unique_.restore(reader) &&
                  equal_numbers_.restore(reader, decode);
  if (has_store == 1) {
    store_.emplace(plan_, used_fields_, decoder_, options_.slice_rows_max, options_.is_saved);
  } else {
    decoder_.begin(slice_);
  }
  is_sound = is_sound && restore_waiting(reader) && reader.is_done();
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

bool Intake::restore_waiting(ByteReader& reader) {
  constexpr std::size_t kLeastBytes = 13;  // of one event
  const std::uint64_t count = reader.varint_up_to(reader.left() / kLeastBytes);
  if (count > 0 && !store_) return false;
  cep::ArrivalNumber before;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t index = reader.varint();
    const cep::EventTime time{reader.i64()};
    cep::ArrivalNumber arrival;
    arrival.record = reader.varint();
    arrival.index = static_cast<std::uint32_t>(reader.varint_up_to(UINT32_MAX));
    Line line;
    line.number = reader.varint();
    line.text = reader.text();
    if (!reader.ok() || index >= sources_.size() || line.text.empty() ||
        (i > 0 && arrival == before)) {
      return false;
    }
    is_out_of_place_ = is_out_of_place_ || (i > 0 && arrival < before);
    before = arrival;
    Source& source = sources_[static_cast<std::size_t>(index)];
    const cep::EventTime reached = waiting_.reached(static_cast<std::size_t>(index));
    if (time < given_ || time > summary_.last_event || time - source.policy.bound > reached) {
      return false;
    }
    const Decoded decoded = decode_again(line.text);
    if (decoded.kind == LineKind::kDeadLetter ||
        (decoded.kind == LineKind::kIgnored && options_.unknown_types == UnknownTypes::kDead)) {
      // Another program.
      reports_.no_event({source.name, line, arrival}, decoded.kind, decoder_.fault());
    }
    if (decoded.kind != LineKind::kEvent || !decoded.used) continue;
    const std::uint64_t place = store_->keep(time, arrival, line, static_cast<std::size_t>(index));
    if (reports_.has_judged()) {
      const RowStore::KeptRow kept = store_->kept(place);
      static_cast<void>(unique_.foresee(kept.batch, kept.row));  // it was answered before
    }
    waiting_.put_back(static_cast<std::size_t>(index), {time, place});
  }
  waiting_.sort_ready();
  return reader.ok();
}

Decoded Intake::decode_again(std::string_view line) {
  padded_.assign(line);
  padded_.append(kLinePadding, '\n');
  return decoder_.decode(std::string_view(padded_).substr(0, line.size()));
}
}  // namespace tocsin::runtime

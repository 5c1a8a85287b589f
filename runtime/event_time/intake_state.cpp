// The state of an intake as bytes.
//
//   u8 version, 2; 1 has nothing of what is marked so
//   the summary's counts (LineReports::save)
//   u8 1 where rows are in a store, i64 the watermark given last
//   the sources (EventJudge::save)
//     v sources, and each: text name, i64 bound, u8 policy, u8 1 and i64 late_max or u8 0,
//       v line taken last, v line that moved time last (2), what is held (JumpHold::save, 2)
//     W and each source's time (Watermarks::save)
//   the rows (TakenRows::write_save)
//     unique ids (UniqueFilter::write_save), numbers among equals (EqualNumbers::save)
//     v waiting events, in the order of arrival, and each: v source, i64 engine time,
//       v arrival record, v arrival index, v line number, text line
//
// Numbers are little endian, v is a varint (cep/base/byte_codec.h).
#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
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
  judge_.save(head);
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
  TOCSIN_ASSERT(judge_.sources().empty(), "nothing was taken before");
  ByteReader reader(from);
  const std::uint8_t version = reader.u8();
  if (version != kVersion && version != kVersionWithoutJumps && reader.ok()) {
    return fail(Errc::kOtherVersion,
                fmt::format("the state of the inputs has format {}, and this program knows formats "
                            "up to {}: use the version of tocsin that wrote it, or a later one",
                            version, kVersion));
  }
  reports_.restore(reader, version != kVersionWithoutJumps);
  const std::uint8_t has_store = reader.u8();
  const cep::EventTime given{reader.i64()};
  bool is_sound = has_store <= 1 && is_event_time(given) && is_event_time(summary_.last_event) &&
                  judge_.restore(reader, version != kVersionWithoutJumps);
  if (is_sound) {
    std::vector<std::string_view> names;
    for (const EventSource& source : judge_.sources()) names.emplace_back(source.name);
    is_sound = rows_.restore(reader, has_store == 1, given, names) && reader.is_done();
  }
  if (!is_sound) return fail(Errc::kCorrupt, "the state of the inputs is damaged");
  return {};
}
}  // namespace tocsin::runtime

#include "runtime/job_state/intake_image.h"

#include <algorithm>
#include <utility>

namespace tocsin::runtime {
namespace {
constexpr std::uint8_t kVersion = 2;
constexpr std::size_t kCounts = 10;  // of the summary
constexpr std::size_t kTexts = 3;    // lists of them: examples of what was passed over

bool is_time(cep::EventTime time) {
  return time >= cep::kEventTimeMin && time <= cep::kEventTimeMax;
}

bool read_source(ByteReader& from, SourceImage& source) {
  source.name = from.text();
  source.policy.bound.us = from.i64();
  const std::uint64_t late = from.varint_up_to(static_cast<std::uint64_t>(LatePolicy::kClamp));
  source.policy.late = static_cast<LatePolicy>(late);
  if (from.varint_up_to(1) == 1) source.policy.late_max = cep::Duration{from.i64()};
  source.last_line = from.varint();
  source.newest_line = from.varint();
  return source.held.restore(from) && from.ok();
}

bool read_ids(ByteReader& from, IdsImage& image) {
  image.type = from.text();
  image.id_field = from.text();
  constexpr std::size_t kLeastBytes = 17;
  cep::EventTime time;
  const std::uint64_t count = from.varint_up_to(from.left() / kLeastBytes);
  for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
    if (i == 0) {
      time.us = from.i64();
    } else {
      time.us = static_cast<std::int64_t>(static_cast<std::uint64_t>(time.us) + from.varint());
    }
    if (!is_time(time)) return false;
    const std::uint64_t low = from.u64();
    image.ids.push_back({time, {low, from.u64()}});
  }
  return from.ok();
}

void write_ids(const IdsImage& image, ByteWriter& to) {
  to.text(image.type);
  to.text(image.id_field);
  to.varint(image.ids.size());
  for (std::size_t i = 0; i < image.ids.size(); ++i) {
    const RecentIds::Entry& id = image.ids[i];
    if (i == 0) {
      to.i64(id.time.us);
    } else {
      to.varint(static_cast<std::uint64_t>(id.time.us - image.ids[i - 1].time.us));
    }
    to.u64(id.id[0]);
    to.u64(id.id[1]);
  }
}

bool read_equals(ByteReader& from, IntakeImage& image) {
  const std::uint64_t count = from.varint_up_to(from.left() / 2);
  if (count > 0) image.equals_at.us = from.i64();
  for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
    EqualImage& equal = image.equals.emplace_back();
    equal.count = from.varint_up_to(UINT32_MAX);
    equal.line = from.text();
  }
  return from.ok() && is_time(image.equals_at);
}

bool read_waiting(ByteReader& from, IntakeImage& image) {
  constexpr std::size_t kLeastBytes = 13;
  const std::uint64_t count = from.varint_up_to(from.left() / kLeastBytes);
  for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
    WaitingImage& waiting = image.waiting.emplace_back();
    waiting.source = static_cast<std::size_t>(from.varint());
    waiting.engine_time.us = from.i64();
    waiting.arrival.record = from.varint();
    waiting.arrival.index = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
    waiting.line = from.varint();
    waiting.text = from.text();
    if (waiting.source >= image.sources.sources.size() || !is_time(waiting.engine_time)) {
      return false;
    }
  }
  return from.ok();
}
}  // namespace

void write_sources(const SourcesImage& image, ByteWriter& to) {
  to.varint(image.sources.size());
  for (const SourceImage& source : image.sources) {
    to.text(source.name);
    to.i64(source.policy.bound.us);
    to.u8(static_cast<std::uint8_t>(source.policy.late));
    to.u8(source.policy.late_max ? 1 : 0);
    if (source.policy.late_max) to.i64(source.policy.late_max->us);
    to.varint(source.last_line);
    to.varint(source.newest_line);
    source.held.save(to);
  }
  to.i64(image.watermark.us);
  for (const SourceImage& source : image.sources) {
    to.u8(static_cast<std::uint8_t>(source.state));
    to.i64(source.watermark.us);
    to.i64(source.newest.us);
    to.i64(source.newest_at.us);
  }
}

bool read_sources(ByteReader& from, SourcesImage& image) {
  constexpr std::size_t kLeastBytes = 12;
  for (std::uint64_t left = from.varint_up_to(from.left() / kLeastBytes); left > 0; --left) {
    if (!read_source(from, image.sources.emplace_back())) return false;
  }
  image.watermark.us = from.i64();
  for (SourceImage& source : image.sources) {
    source.state = static_cast<SourceState>(
        from.varint_up_to(static_cast<std::uint64_t>(SourceState::kEnded)));
    source.watermark.us = from.i64();
    source.newest.us = from.i64();
    source.newest_at.us = from.i64();
    if (!is_time(source.watermark) || !is_time(source.newest)) return false;
  }
  return from.ok() && is_time(image.watermark);
}

std::string write_intake(const IntakeImage& image) {
  std::string bytes;
  ByteWriter to(bytes);
  to.u8(kVersion);
  for (std::size_t i = 0; i < kCounts; ++i) to.varint(0);
  // The times of the first and last event: nothing that waits is after the last.
  cep::EventTime last = image.given;
  for (const SourceImage& source : image.sources.sources) last = std::max(last, source.newest);
  for (const WaitingImage& waiting : image.waiting) last = std::max(last, waiting.engine_time);
  to.i64(last == cep::kEventTimeMin ? cep::kEventTimeMax.us : last.us);
  to.i64(last.us);
  for (std::size_t i = 0; i < kTexts; ++i) to.varint(0);
  to.u8(1);  // rows are in a store
  to.i64(image.given.us);
  write_sources(image.sources, to);
  to.varint(0);  // ids forgotten
  to.varint(image.ids.size());
  for (const IdsImage& ids : image.ids) write_ids(ids, to);
  to.varint(image.equals.size());
  if (!image.equals.empty()) to.i64(image.equals_at.us);
  for (const EqualImage& equal : image.equals) {
    to.varint(equal.count);
    to.text(equal.line);
  }
  to.varint(image.waiting.size());
  for (const WaitingImage& waiting : image.waiting) {
    to.varint(waiting.source);
    to.i64(waiting.engine_time.us);
    to.varint(waiting.arrival.record);
    to.varint(waiting.arrival.index);
    to.varint(waiting.line);
    to.text(waiting.text);
  }
  return bytes;
}

Result<IntakeImage> read_intake(std::string_view bytes) {
  ByteReader from(bytes);
  const std::uint8_t version = from.u8();
  if (from.ok() && version != kVersion) {
    return fail(Errc::kOtherVersion,
                "the state of the inputs is of another version of Tocsin: start its data directory "
                "once with this version");
  }
  IntakeImage image;
  for (std::size_t i = 0; i < kCounts; ++i) from.varint();
  from.i64();
  from.i64();
  for (std::size_t i = 0; i < kTexts; ++i) {
    for (std::uint64_t left = from.varint_up_to(from.left()); left > 0; --left) from.text();
  }
  from.u8();
  image.given.us = from.i64();
  bool is_sound = is_time(image.given) && read_sources(from, image.sources);
  if (is_sound) {
    from.varint();
    for (std::uint64_t left = from.varint_up_to(from.left()); left > 0 && is_sound; --left) {
      is_sound = read_ids(from, image.ids.emplace_back());
    }
  }
  is_sound = is_sound && read_equals(from, image) && read_waiting(from, image) && from.is_done();
  if (!is_sound) return fail(Errc::kCorrupt, "the state of the inputs is damaged");
  return image;
}
}  // namespace tocsin::runtime

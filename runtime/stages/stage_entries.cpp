#include "runtime/stages/stage_entries.h"

#include <fmt/format.h>

#include <algorithm>

#include "cep/base/byte_codec.h"
#include "cep/compile/plan_digest.h"
#include "cep/plan/plan.h"
#include "cep/plan/semantics.h"

namespace tocsin::runtime {
namespace {
constexpr std::uint8_t kFormat = 1;
constexpr std::uint8_t kHeadWithChange = 2;  // the format of such a head

std::string digest_text(const cep::Program& program) {
  const cep::Digest digest = cep::digest_of(program.plan());
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
bool is_known_time(cep::EventTime time) {
  return time >= cep::kEventTimeMin && time <= cep::kEventTimeMax;
}
tl::unexpected<Error> other_format() {
  return fail(Errc::kOtherVersion, "the state of a stage is of another format");
}
tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Errc::kCorrupt, fmt::format("the state of a stage is damaged: {}", what));
}
}  // namespace

Error damaged_entry(cep::KeyGroup group) {
  return {Errc::kCorrupt,
          fmt::format("the state of a stage is damaged: an entry of key group {}", group.value)};
}

namespace {
constexpr std::uint8_t kHasLast = 1;
constexpr std::uint8_t kHasTaken = 2;
}  // namespace

void write_source_place(ByteWriter& to, const SourcePlace& place) {
  to.u8(static_cast<std::uint8_t>((place.last ? kHasLast : 0) |
                                  (place.taken_before != 0 ? kHasTaken : 0)));
  to.varint(place.last.value_or(cep::ArrivalNumber{}).record);
  to.varint(place.last.value_or(cep::ArrivalNumber{}).index);
  if (place.taken_before != 0) to.varint(place.taken_before);
}

SourcePlace read_source_place(ByteReader& from) {
  SourcePlace place;
  const std::uint64_t has = from.varint_up_to(kHasLast | kHasTaken);
  cep::ArrivalNumber last;
  last.record = from.varint();
  last.index = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  if ((has & kHasLast) != 0) place.last = last;
  if ((has & kHasTaken) != 0) place.taken_before = from.varint();
  return place;
}

std::string write_base(std::uint64_t base) {
  std::string bytes;
  ByteWriter(bytes).varint(base);
  return bytes;
}

std::optional<std::uint64_t> read_base(std::string_view bytes) {
  ByteReader from(bytes);
  const std::uint64_t base = from.varint_up_to(kBaseMax);
  return from.is_done() ? std::optional(base) : std::nullopt;
}

std::string front_key(FrontEntry kind, std::string_view rest) {
  std::string key(1, static_cast<char>(kind));
  key += rest;
  return key;
}

std::string front_head(cep::EventTime watermark, const cep::StageChange* change) {
  std::string bytes;
  ByteWriter to(bytes);
  to.u8(change == nullptr ? kFormat : kHeadWithChange);
  to.signed_varint(watermark.us);
  if (change == nullptr) return bytes;
  to.signed_varint(change->from.us);
  to.raw({reinterpret_cast<const char*>(change->plan.data()), change->plan.size()});
  return bytes;
}

std::string front_layout(const cep::Program& program, FrontEntry holds) {
  std::string bytes;
  ByteWriter to(bytes);
  to.u8(kFormat);
  to.u32(cep::kSemantics);
  to.u8(static_cast<std::uint8_t>(holds));
  to.raw(digest_text(program));
  return bytes;
}

Result<void> FrontWritten::begin(const std::map<std::uint32_t, std::string>& heads,
                                 std::string_view layout, const cep::Program& program,
                                 FrontEntry holds) {
  for (const auto& [group, bytes] : heads) {
    if (Result<void> read = read_head(group, bytes); !read) return read;
  }
  ByteReader from(layout);
  if (from.u8() != kFormat) return other_format();
  const std::uint32_t semantics = from.u32();
  if (from.ok() && semantics != cep::kSemantics) {
    return fail(Errc::kOtherVersion,
                fmt::format("the state of a stage is of semantics {}, and this library has {}: go "
                            "on with the library that wrote it",
                            semantics, cep::kSemantics));
  }
  if (from.u8() != static_cast<std::uint8_t>(holds)) return damaged("it is of another stage");
  const std::string_view plan = from.raw(sizeof(cep::Digest));
  if (!from.is_done()) return damaged("its layout");
  std::ranges::copy(plan, reinterpret_cast<char*>(plan_.data()));
  is_same_plan_ = plan == digest_text(program);
  return {};
}

Result<void> FrontWritten::read_head(std::uint32_t group, std::string_view bytes) {
  ByteReader from(bytes);
  const std::uint8_t format = from.u8();
  if (format != kFormat && format != kHeadWithChange) return other_format();
  const cep::EventTime watermark{from.signed_varint()};
  if (!from.ok() || !is_known_time(watermark)) return damaged("a head");
  watermarks_[group] = watermark;
  if (format == kHeadWithChange) {
    cep::StageChange change;
    change.from.us = from.signed_varint();
    const std::string_view plan = from.raw(sizeof(cep::Digest));
    // Once a group has come to the change, it no longer waits.
    if (!from.ok() || !is_known_time(change.from) || watermark >= change.from)
      return damaged("a head");
    std::ranges::copy(plan, reinterpret_cast<char*>(change.plan.data()));
    if (change_ && *change_ != change) {
      return damaged("its groups wait for different changes of rules");
    }
    change_ = change;
  }
  if (!from.is_done()) return damaged("a head");
  return {};
}

cep::EventTime FrontWritten::least_watermark() const {
  cep::EventTime least = cep::kEventTimeMax;
  for (const auto& [group, watermark] : watermarks_) least = std::min(least, watermark);
  return watermarks_.empty() ? cep::kEventTimeMin : least;
}

bool FrontCut::write(cep::StageSink& sink, std::size_t bytes_max) {
  std::size_t given = 0;
  for (; next_ < entries_.size(); ++next_) {
    if (given > 0 && given >= bytes_max) return false;
    const Entry& entry = entries_[next_];
    if (entry.is_put) {
      sink.put(entry.group, entry.key, entry.value);
    } else {
      sink.remove(entry.group, entry.key);
    }
    given += entry.key.size() + entry.value.size();
  }
  clear();
  return true;
}
}  // namespace tocsin::runtime

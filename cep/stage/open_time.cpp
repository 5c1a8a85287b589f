#include "cep/stage/open_time.h"

#include <algorithm>

#include "cep/base/byte_codec.h"
#include "cep/record/state_values.h"

namespace tocsin::cep {
std::string write_given(const GivenAt& given) {
  std::string bytes;
  ByteWriter to(bytes);
  to.signed_varint(given.time.us);
  to.varint(given.counts.size());
  for (const auto& [digest, count] : given.counts) {
    to.raw({reinterpret_cast<const char*>(digest.data()), digest.size()});
    to.varint(count);
  }
  return bytes;
}

std::optional<GivenAt> read_given(std::string_view bytes) {
  ByteReader from(bytes);
  GivenAt given;
  if (!restore_time(from, given.time.us)) return std::nullopt;
  for (std::uint64_t left = from.varint_up_to(from.left()); left > 0; --left) {
    AlertDigest digest{};
    const std::string_view of = from.raw(digest.size());
    if (!from.ok()) return std::nullopt;
    std::ranges::copy(of, reinterpret_cast<char*>(digest.data()));
    given.counts[digest] = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  }
  return from.is_done() ? std::optional(std::move(given)) : std::nullopt;
}

bool OpenTime::restore(std::string_view value, AlertIds& ids) {
  if (!given_.empty()) return given_ == value;  // of another group: all have the same
  const std::optional<GivenAt> given = read_given(value);
  if (!given || given->time != at_) return false;
  ids.begin_at(given->time);
  for (const auto& [digest, count] : given->counts) ids.note(digest, count);
  given_ = value;
  return true;
}

void OpenTime::cut(EventTime watermark, KeyGroupRange own, StageCut& to) const {
  if (given_.empty() || !is_open(watermark)) return;
  for (std::uint32_t group = own.begin; group < own.end; ++group) {
    to.add({group}, stage_entry_key(StageEntry::kGiven), given_);
  }
}
}  // namespace tocsin::cep

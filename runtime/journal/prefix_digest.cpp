#include "runtime/journal/prefix_digest.h"

#include <algorithm>
#include <array>
#include <cstring>
#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include "cep/base/assert.h"
#include "runtime/io/xxh3.h"

namespace tocsin::runtime {
struct PrefixDigest::Block {
  XXH3_state_t state;
  Block() { XXH3_128bits_reset(&state); }
};

namespace {
RangeDigest to_digest(const XXH128_hash_t& hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  RangeDigest digest{};
  std::memcpy(digest.data(), canonical.digest, digest.size());
  return digest;
}
RangeDigest chained(const RangeDigest& chain, const RangeDigest& block) {
  std::array<char, 2 * sizeof(RangeDigest)> both{};
  std::memcpy(both.data(), chain.data(), chain.size());
  std::memcpy(both.data() + chain.size(), block.data(), block.size());
  return digest_range({both.data(), both.size()});
}
void write_digest(ByteWriter& to, const RangeDigest& digest) {
  to.raw({reinterpret_cast<const char*>(digest.data()), digest.size()});
}
RangeDigest read_digest(ByteReader& from) {
  RangeDigest digest{};
  const std::string_view bytes = from.raw(digest.size());
  if (bytes.size() == digest.size()) std::memcpy(digest.data(), bytes.data(), digest.size());
  return digest;
}
}  // namespace

PrefixDigest::PrefixDigest() : block_(std::make_unique<Block>()) {}
PrefixDigest::~PrefixDigest() = default;
PrefixDigest::PrefixDigest(PrefixDigest&&) noexcept = default;
PrefixDigest& PrefixDigest::operator=(PrefixDigest&&) noexcept = default;

void PrefixDigest::add(std::string_view bytes) {
  TOCSIN_ASSERT(is_whole(), "what is missing was supplied");
  while (!bytes.empty()) {
    const std::uint64_t room = kBlockBytes - bytes_ % kBlockBytes;
    const std::string_view part =
        bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(room, bytes.size())));
    xxh3_update(&block_->state, part.data(), part.size());
    bytes_ += part.size();
    bytes.remove_prefix(part.size());
    if (bytes_ % kBlockBytes != 0) continue;
    chain_ = chained(chain_, to_digest(XXH3_128bits_digest(&block_->state)));
    XXH3_128bits_reset(&block_->state);
  }
}

RangeDigest PrefixDigest::digest() const {
  if (!is_whole()) return expected_;
  if (bytes_ % kBlockBytes == 0) return chain_;
  return chained(chain_, to_digest(XXH3_128bits_digest(&block_->state)));
}

void PrefixDigest::save(ByteWriter& to) const {
  to.varint(bytes_);
  write_digest(to, chain_);
  write_digest(to, digest());
}

PrefixDigest PrefixDigest::restore(ByteReader& from) {
  PrefixDigest prefix;
  prefix.bytes_ = from.varint();
  prefix.chain_ = read_digest(from);
  prefix.expected_ = read_digest(from);
  prefix.missing_ = prefix.bytes_ % kBlockBytes;
  return prefix;
}

bool PrefixDigest::supply(std::string_view bytes) {
  if (bytes.size() != missing_) return false;
  const RangeDigest found = chained(chain_, digest_range(bytes));
  if (missing_ != 0 && found != expected_) return false;
  bytes_ -= missing_;
  missing_ = 0;
  add(bytes);
  return true;
}
}  // namespace tocsin::runtime

#include "runtime/series/series_digest.h"

#include <cstring>

namespace tocsin::runtime {
namespace {
RangeDigest chained(const RangeDigest& chain, std::string_view block) {
  std::string both(chain.size() + block.size(), '\0');
  std::memcpy(both.data(), chain.data(), chain.size());
  if (!block.empty()) std::memcpy(both.data() + chain.size(), block.data(), block.size());
  return digest_range(both);
}
}  // namespace

void SeriesDigest::close_block(std::string_view block) { chain_ = chained(chain_, block); }

void SeriesDigest::add(std::string_view bytes) {
  bytes_ += bytes.size();
  if (!rest_.empty()) {
    const std::string_view part = bytes.substr(0, kBlockBytes - rest_.size());
    rest_ += part;
    bytes.remove_prefix(part.size());
    if (rest_.size() < kBlockBytes) return;
    close_block(rest_);
    rest_.clear();
  }
  for (; bytes.size() >= kBlockBytes; bytes.remove_prefix(kBlockBytes)) {
    close_block(bytes.substr(0, kBlockBytes));
  }
  rest_ = bytes;
}

RangeDigest SeriesDigest::digest() const { return chained(chain_, rest_); }

void SeriesDigest::save(ByteWriter& to) const {
  to.varint(bytes_);
  to.raw({reinterpret_cast<const char*>(chain_.data()), chain_.size()});
  to.raw(rest_);
}

SeriesDigest SeriesDigest::restore(ByteReader& from) {
  SeriesDigest digest;
  digest.bytes_ = from.varint();
  const std::string_view chain = from.raw(digest.chain_.size());
  if (chain.size() == digest.chain_.size())
    std::memcpy(digest.chain_.data(), chain.data(), chain.size());
  digest.rest_ = from.raw(static_cast<std::size_t>(digest.bytes_ % kBlockBytes));
  return digest;
}
}  // namespace tocsin::runtime

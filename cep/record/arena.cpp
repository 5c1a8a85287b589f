#include "cep/record/arena.h"

#include <bit>

#include "cep/base/assert.h"
#include "cep/base/prefetch.h"

namespace tocsin::cep {
namespace {
constexpr std::array<std::uint32_t, 20> kClassWords = {
    8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512};
}  // namespace

// Eight classes of one line more each, then four for each doubling.
std::size_t Arena::class_of(std::uint32_t words) {
  if (words <= 64) return (words + 7) / 8 - (words == 0 ? 0 : 1);
  const auto doubling = static_cast<std::uint32_t>(std::bit_width(words - 1)) - 1;  // 6: 65..128
  const std::uint32_t quarter = (words - 1) >> (doubling - 2) & 3U;
  return std::size_t{8} + (doubling - 6) * 4 + quarter;
}

std::uint32_t Arena::rounded(std::uint32_t words) {
  if (words <= kSmallMax) return kClassWords[class_of(words)];
  const auto doubling = static_cast<std::uint32_t>(std::bit_width(words - 1)) - 1;
  const std::uint32_t step = 1U << (doubling - 2);
  return (words + step - 1) / step * step;
}

void Arena::FreeChunk::operator()(std::byte* memory) const noexcept {
  free_pages(memory, std::size_t{8} << kChunkBits);
}

void Arena::open_chunk() {
  constexpr std::uint32_t kChunkWords = 1U << kChunkBits;
  // What is left of the last chunk serves later requests of its sizes.
  while (kChunkWords - used_ >= kClassWords[0]) {
    std::size_t size_class = kClassCount - 1;
    while (kClassWords[size_class] > kChunkWords - used_) --size_class;
    const auto chunk = static_cast<std::uint32_t>(chunks_.size() - 1);
    free_[size_class].push_back(chunk << kChunkBits | used_);
    used_ += kClassWords[size_class];
  }
  TOCSIN_ASSERT(chunks_.size() < kLargeBit >> kChunkBits, "a shard stays below 16 GiB");
  chunks_.emplace_back(allocate_pages(std::size_t{kChunkWords} * 8));
  bytes_ += std::size_t{kChunkWords} * 8;
  used_ = chunks_.size() == 1 ? kClassWords[0] : 0;  // reference 0 names none
}

BlockRef Arena::allocate(std::uint32_t words) {
  live_words_ += words;
  if (words > kSmallMax) {
    Pages bytes = make_pages(std::size_t{words} * 8);
    bytes_ += std::size_t{words} * 8;
    if (large_free_.empty()) {
      large_.push_back(std::move(bytes));
      return kLargeBit | static_cast<std::uint32_t>(large_.size() - 1);
    }
    const std::uint32_t place = large_free_.back();
    large_free_.pop_back();
    large_[place] = std::move(bytes);
    return kLargeBit | place;
  }
  const std::size_t size_class = class_of(words);
  if (std::vector<BlockRef>& freed = free_[size_class]; !freed.empty()) {
    const BlockRef block = freed.back();
    freed.pop_back();
    if (!freed.empty()) tocsin::prefetch(at(freed.back()));
    return block;
  }
  if ((1U << kChunkBits) - used_ < words) open_chunk();
  const auto chunk = static_cast<std::uint32_t>(chunks_.size() - 1);
  const BlockRef block = chunk << kChunkBits | used_;
  used_ += words;
  return block;
}

void Arena::free(BlockRef block, std::uint32_t words) {
  TOCSIN_ASSERT(block != 0 && live_words_ >= words, "each block is freed once");
  live_words_ -= words;
  if ((block & kLargeBit) != 0) {
    bytes_ -= std::size_t{words} * 8;
    large_[block & ~kLargeBit].reset();
    large_free_.push_back(block & ~kLargeBit);
  } else {
    free_[class_of(words)].push_back(block);
  }
  if (live_words_ == 0) {
    chunks_.clear();
    large_.clear();
    large_free_.clear();
    free_ = {};
    used_ = 1U << kChunkBits;
    bytes_ = 0;
  }
}
}  // namespace tocsin::cep

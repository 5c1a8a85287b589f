#include "cep/record/arena.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "cep/base/assert.h"
#include "cep/base/prefetch.h"

namespace tocsin::cep {
namespace {
// Classes of one word each.
constexpr std::uint32_t kExact = 16;
// Words of a cache line.
constexpr std::uint32_t kLine = 8;
// Of a number above kExact, the step of its classes as a power of two: eight for each doubling.
std::uint32_t step_bits(std::uint32_t words) {
  return static_cast<std::uint32_t>(std::bit_width(words - 1)) - 4;
}
}  // namespace

std::size_t Arena::class_of(std::uint32_t words) {
  if (words <= kExact) return words - (words == 0 ? 0 : 1);
  const std::uint32_t bits = step_bits(words);
  return std::size_t{kExact} + (bits - 1) * std::size_t{8} + ((words - 1) >> bits & 7U);
}

std::uint32_t Arena::rounded(std::uint32_t words) {
  if (words <= kExact) return words == 0 ? 1 : words;
  const std::uint32_t bits = step_bits(words);
  return (((words - 1) >> bits) + 1) << bits;
}

void Arena::FreeChunk::operator()(std::byte* memory) const noexcept {
  free_pages(memory, std::size_t{kChunkWords} * 8);
}

std::size_t Arena::bytes() const {
  std::size_t sum = large_bytes_ + (chunks_.size() - chunks_free_.size()) * kChunkWords * 8;
  for (const std::vector<BlockRef>& freed : free_) sum += freed.capacity() * sizeof(BlockRef);
  return sum;
}

void Arena::keep_free(BlockRef block, std::uint32_t words) {
  free_[class_of(words)].push_back(block);
}

// What is left of the current chunk serves later requests of its sizes.
void Arena::close_chunk() {
  while (used_ < kChunkWords) {
    std::uint32_t words = std::min(kChunkWords - used_, kSmallMax);
    while (rounded(words) != words) --words;
    keep_free(current_ << kChunkBits | used_, words);
    used_ += words;
  }
}

void Arena::open_chunk() {
  close_chunk();
  if (chunks_free_.empty()) {
    TOCSIN_ASSERT(chunks_.size() < kLargeBit >> kChunkBits, "a shard stays below 16 GiB");
    chunks_.emplace_back();
    live_.push_back(0);
    current_ = static_cast<std::uint32_t>(chunks_.size() - 1);
  } else {
    current_ = chunks_free_.back();
    chunks_free_.pop_back();
  }
  chunks_[current_].reset(allocate_pages(std::size_t{kChunkWords} * 8));
  used_ = current_ == 0 ? kLine : 0;  // reference 0 names none
}

BlockRef Arena::allocate(std::uint32_t words) {
  live_words_ += words;
  if (words > kSmallMax) {
    Pages bytes = make_pages(std::size_t{words} * 8);
    large_bytes_ += std::size_t{words} * 8;
    if (large_free_.empty()) {
      large_.push_back(std::move(bytes));
      return kLargeBit | static_cast<std::uint32_t>(large_.size() - 1);
    }
    const std::uint32_t place = large_free_.back();
    large_free_.pop_back();
    large_[place] = std::move(bytes);
    return kLargeBit | place;
  }
  BlockRef block = 0;
  if (std::vector<BlockRef>& freed = free_[class_of(words)]; !freed.empty()) {
    block = freed.back();
    freed.pop_back();
    if (!freed.empty()) tocsin::prefetch(at(freed.back()));
  } else {
    if (words % kLine == 0 && used_ % kLine != 0) {
      const std::uint32_t gap = kLine - used_ % kLine;
      keep_free(current_ << kChunkBits | used_, gap);
      used_ += gap;
    }
    if (kChunkWords - used_ < words) open_chunk();
    block = current_ << kChunkBits | used_;
    used_ += words;
  }
  live_[block >> kChunkBits] = static_cast<std::uint16_t>(live_[block >> kChunkBits] + words);
  return block;
}

void Arena::free(BlockRef block, std::uint32_t words) {
  TOCSIN_ASSERT(block != 0 && live_words_ >= words, "each block is freed once");
  live_words_ -= words;
  if (live_words_ == 0) {
    *this = Arena();
    return;
  }
  if ((block & kLargeBit) != 0) {
    large_bytes_ -= std::size_t{words} * 8;
    large_[block & ~kLargeBit].reset();
    large_free_.push_back(block & ~kLargeBit);
    return;
  }
  std::uint16_t& live = live_[block >> kChunkBits];
  live = static_cast<std::uint16_t>(live - words);
  if ((live & kLeaving) == 0) {
    keep_free(block, words);
  } else if (live == kLeaving) {
    give_back(block >> kChunkBits);
    --leaving_;
  }
}

void Arena::give_back(std::uint32_t chunk) {
  live_[chunk] = 0;
  chunks_[chunk].reset();
  chunks_free_.push_back(chunk);
}

bool Arena::begin_moves() {
  // An eighth may be free, and some chunks; of one that is emptied a third has to be.
  constexpr std::uint32_t kSparse = kChunkWords * 2 / 3;
  const std::size_t held = (chunks_.size() - chunks_free_.size()) * kChunkWords;
  const std::size_t live = live_words_ - large_bytes_ / 8;
  if (leaving_ != 0 || held - live < kFewChunks * kChunkWords + live / 8) return false;
  std::vector<std::uint32_t> empty;
  for (std::uint32_t chunk = 0; chunk < live_.size(); ++chunk) {
    if (chunks_[chunk] == nullptr || chunk == current_ || live_[chunk] > kSparse) continue;
    if (live_[chunk] == 0) empty.push_back(chunk);
    live_[chunk] |= kLeaving;
    ++leaving_;
  }
  if (leaving_ == 0) return false;
  for (std::vector<BlockRef>& freed : free_) {
    std::erase_if(freed, [&](BlockRef block) { return is_leaving(block); });
    if (freed.size() < freed.capacity() / 2) freed.shrink_to_fit();
  }
  for (const std::uint32_t chunk : empty) give_back(chunk);
  leaving_ -= static_cast<std::uint32_t>(empty.size());
  return leaving_ != 0;
}
}  // namespace tocsin::cep

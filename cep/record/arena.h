/// Memory of one shard: blocks of 8-byte words behind 32-bit references.
///
/// A block is movable bytes: nothing in it holds an address, so that its owner may copy it to
/// another block (growth, compaction, one day a checkpoint) by memcpy. Small blocks (up to 4 KiB)
/// come in size classes, four for each doubling, all multiples of a cache line, cut from chunks of
/// 16 KiB; freed ones wait in a list of their class, which stands apart, so that one is given again
/// without a look at its memory. Larger blocks have memory of their own. When
/// the last block is freed all chunks are given back.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "cep/base/pages.h"

namespace tocsin::cep {
/// Names a block; 0 names none.
using BlockRef = std::uint32_t;

class Arena {
 public:
  /// The words that a request for `words` is given.
  static std::uint32_t rounded(std::uint32_t words);
  /// A block of `words` == rounded(words) words, its contents unspecified.
  BlockRef allocate(std::uint32_t words);
  /// Takes back a block that was allocated with `words`.
  void free(BlockRef block, std::uint32_t words);
  /// The block's address, aligned to 64 bytes; valid until it is freed.
  std::byte* at(BlockRef block) const {
    if ((block & kLargeBit) != 0) return large_[block & ~kLargeBit].get();
    return chunks_[block >> kChunkBits].get() + std::size_t{block & kChunkMask} * 8;
  }
  /// Bytes held from the system.
  std::size_t bytes() const {
    std::size_t sum = bytes_;
    for (const std::vector<BlockRef>& freed : free_) sum += freed.capacity() * sizeof(BlockRef);
    return sum;
  }
  /// Bytes of blocks in use.
  std::size_t live_bytes() const { return live_words_ * 8; }

 private:
  static constexpr std::uint32_t kLargeBit = 1U << 31;
  static constexpr std::uint32_t kChunkBits = 11;  // words of a chunk: 2,048
  static constexpr std::uint32_t kChunkMask = (1U << kChunkBits) - 1;
  static constexpr std::uint32_t kSmallMax = 512;  // words of the largest small block
  static constexpr std::size_t kClassCount = 20;

  static std::size_t class_of(std::uint32_t words);
  void open_chunk();

  // All chunks are alike, so that one takes no more than its address.
  struct FreeChunk {
    void operator()(std::byte* memory) const noexcept;
  };
  std::vector<std::unique_ptr<std::byte[], FreeChunk>> chunks_;
  std::vector<Pages> large_;
  std::vector<std::uint32_t> large_free_;                // places of large_ that hold nothing
  std::array<std::vector<BlockRef>, kClassCount> free_;  // by size class
  std::uint32_t used_ = 1U << kChunkBits;                // words cut from the last chunk
  std::size_t live_words_ = 0;
  std::size_t bytes_ = 0;
};
}  // namespace tocsin::cep

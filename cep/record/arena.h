/// Memory of one shard: blocks of 8-byte words behind 32-bit references.
///
/// A block is movable bytes: nothing in it holds an address, so that its owner may copy it to
/// another block (growth, compaction, one day a checkpoint) by memcpy. Small blocks (up to 4 KiB)
/// come in size classes, of one word each up to 128 bytes, then eight for each doubling, cut from
/// chunks of 16 KiB; freed ones wait in a list of their class, which stands apart, so that one is
/// given again without a look at its memory. Larger blocks have memory of their own.
///
/// A chunk of which nothing is in use can be given back, but the lists know its blocks. So where
/// much is free, begin_moves() chooses the chunks that are worth it: their free blocks leave the
/// lists, and owners move what is in use (is_leaving()). The last block to go gives a chunk back.
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
  /// The block's address, aligned to 8 bytes, and to 64 where its size is a multiple of that; valid
  /// until it is freed.
  std::byte* at(BlockRef block) const {
    if ((block & kLargeBit) != 0) return large_[block & ~kLargeBit].get();
    return chunks_[block >> kChunkBits].get() + std::size_t{block & kChunkMask} * 8;
  }
  /// Bytes held from the system.
  std::size_t bytes() const;
  /// Bytes of blocks in use.
  std::size_t live_bytes() const { return live_words_ * 8; }

  /// Whether it has more than a few chunks: else begin_moves() finds nothing.
  bool may_move() const { return chunks_.size() > kFewChunks; }
  /// Chooses chunks to be emptied, where that gives back much for what is to be moved; false where
  /// there are none, and while some still are. Takes time by the number of chunks and free blocks.
  bool begin_moves();
  /// Whether the block stands in a chunk that is to be emptied.
  bool is_leaving(BlockRef block) const {
    return leaving_ != 0 && (block & kLargeBit) == 0 &&
           (live_[block >> kChunkBits] & kLeaving) != 0;
  }
  /// Whether chunks are to be emptied.
  bool has_leaving() const { return leaving_ != 0; }

 private:
  static constexpr std::uint32_t kLargeBit = 1U << 31;
  static constexpr std::uint32_t kChunkBits = 11;  // words of a chunk: 2,048
  static constexpr std::uint32_t kChunkWords = 1U << kChunkBits;
  static constexpr std::uint32_t kChunkMask = kChunkWords - 1;
  static constexpr std::uint32_t kSmallMax = 512;  // words of the largest small block
  static constexpr std::size_t kClassCount = 56;
  static constexpr std::size_t kFewChunks = 4;
  static constexpr std::uint16_t kLeaving = 1U << 15;

  static std::size_t class_of(std::uint32_t words);
  void open_chunk();
  void close_chunk();
  void keep_free(BlockRef block, std::uint32_t words);
  void give_back(std::uint32_t chunk);

  // All chunks are alike, so that one takes no more than its address.
  struct FreeChunk {
    void operator()(std::byte* memory) const noexcept;
  };
  std::vector<std::unique_ptr<std::byte[], FreeChunk>> chunks_;
  std::vector<std::uint16_t> live_;         // by chunk: words in use, and kLeaving
  std::vector<std::uint32_t> chunks_free_;  // places of chunks_ that hold nothing
  std::vector<Pages> large_;
  std::vector<std::uint32_t> large_free_;                // the same of large_
  std::array<std::vector<BlockRef>, kClassCount> free_;  // by size class
  std::uint32_t current_ = 0;                            // the chunk that blocks are cut from
  std::uint32_t used_ = kChunkWords;                     // words cut from it
  std::uint32_t leaving_ = 0;                            // chunks
  std::size_t live_words_ = 0;
  std::size_t large_bytes_ = 0;
};
}  // namespace tocsin::cep

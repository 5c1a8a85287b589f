/// Blocks of less than half a page, cut from slabs of 64 KiB that lie in huge pages: many small
/// blocks that are read in no order stay within a few pages, and one is given out in a few steps.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace tocsin {
/// A slab has blocks of one power of two. Freed ones wait in a list of their slab; a slab that is
/// all free goes back to where it came from, but for one of each size.
/// Threading: one caller at a time.
class SmallBlocks {
 public:
  static constexpr std::size_t kMost = 2048;  // bytes of a block
  /// Memory of so many bytes, aligned to as many; may throw std::bad_alloc.
  using TakeSlab = std::byte* (*)(std::size_t bytes);
  using GiveSlab = void (*)(std::byte* slab, std::size_t bytes) noexcept;
  SmallBlocks(TakeSlab take_slab, GiveSlab give_slab)
      : take_slab_(take_slab), give_slab_(give_slab) {}
  SmallBlocks(const SmallBlocks&) = delete;
  SmallBlocks& operator=(const SmallBlocks&) = delete;
  ~SmallBlocks();
  /// `bytes` of memory, at most kMost, aligned to their next power of two, at least 64. Throws
  /// std::bad_alloc.
  std::byte* take(std::size_t bytes);
  /// Takes back what take() gave for `bytes`.
  void give(std::byte* block, std::size_t bytes) noexcept;
  /// Bytes of slabs.
  std::size_t held() const { return held_; }

 private:
  static constexpr std::size_t kSlab = std::size_t{64} << 10;
  static constexpr std::size_t kClasses = 6;  // 64 to 2,048 bytes
  struct FreeBlock {
    FreeBlock* next = nullptr;
  };
  // The head of a slab; its blocks follow.
  struct Slab {
    FreeBlock* free = nullptr;
    std::uint32_t used = 0;   // blocks given out
    std::uint32_t fresh = 0;  // bytes from here on were never given out
    Slab* before = nullptr;   // in the list of those with room
    Slab* after = nullptr;
  };
  static std::size_t class_of(std::size_t bytes);
  static std::size_t block_bytes(std::size_t size_class) { return std::size_t{64} << size_class; }
  static bool has_room(const Slab& slab, std::size_t size_class);
  Slab* open_slab(std::size_t size_class);
  void list(Slab& slab, std::size_t size_class);
  void unlist(Slab& slab, std::size_t size_class);

  TakeSlab take_slab_;
  GiveSlab give_slab_;
  std::array<Slab*, kClasses> with_room_{};      // the first of each size
  std::array<std::uint32_t, kClasses> empty_{};  // slabs of which nothing is given out
  std::size_t held_ = 0;
};
}  // namespace tocsin

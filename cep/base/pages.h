/// Memory for state, in huge pages where the system gives them: state is read in no order, and
/// with small pages every read would also look its address up in memory.
#pragma once
#include <cstddef>
#include <memory>

namespace tocsin {
/// `bytes` of memory, aligned to its size rounded up to a power of two (at least 64, at most
/// 4 KiB); its contents unspecified. What is at most 2 KiB is cut from slabs
/// (cep/base/small_blocks.h). What is more, and at most 512 KiB, is cut in whole pages of 4 KiB
/// from regions of 2 MiB that ask for huge pages (a buddy system: what a request leaves of a block
/// of a power of two is free for others, freed neighbours join); a region that is all free goes
/// back to the system, but for one. Throws std::bad_alloc. Callable from any thread.
std::byte* allocate_pages(std::size_t bytes);
/// Takes back memory that allocate_pages() gave for `bytes`.
void free_pages(std::byte* memory, std::size_t bytes) noexcept;

/// Owns memory from allocate_pages().
struct FreePages {
  std::size_t bytes = 0;
  void operator()(std::byte* memory) const noexcept { free_pages(memory, bytes); }
};
using Pages = std::unique_ptr<std::byte[], FreePages>;
inline Pages make_pages(std::size_t bytes) { return Pages(allocate_pages(bytes), {bytes}); }
}  // namespace tocsin

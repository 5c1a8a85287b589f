#include "cep/base/pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <mutex>
#include <new>
#include <set>
#include <vector>

#include "cep/base/pages_ahead.h"
#include "cep/base/small_blocks.h"

namespace tocsin {
namespace {
constexpr std::size_t kPage = std::size_t{4} << 10;
constexpr std::size_t kRegion = std::size_t{2} << 20;
constexpr std::size_t kLargest = std::size_t{512} << 10;  // of a block cut from a region
constexpr std::size_t kOrders = 10;                       // 4 KiB << 9 is a region
constexpr std::size_t kReady = 8;                         // regions that wait, at most

// Free blocks by size and address; nothing is written into them, so that a page that was never
// used stays untouched.
class Regions {
 public:
  std::byte* take(std::size_t pages) {
    const std::lock_guard lock(mutex_);
    const auto order = static_cast<std::size_t>(std::bit_width(pages - 1));
    std::size_t from = order;
    while (from < kOrders && free_[from].empty()) ++from;
    std::uintptr_t block = 0;
    if (from == kOrders) {
      from = kOrders - 1;
      block = take_region();
    } else {
      block = *free_[from].begin();
      free_[from].erase(free_[from].begin());
    }
    while (from > order) {
      --from;
      free_[from].insert(block + (kPage << from));
    }
    // What is too much, from its smallest piece on.
    for (std::size_t rest = pages; rest < std::size_t{1} << order;) {
      const auto piece = static_cast<std::size_t>(std::countr_zero(rest));
      free_[piece].insert(block + rest * kPage);
      rest += std::size_t{1} << piece;
    }
    return reinterpret_cast<std::byte*>(block);
  }

  void give(std::byte* memory, std::size_t pages) noexcept {
    const std::lock_guard lock(mutex_);
    auto block = reinterpret_cast<std::uintptr_t>(memory);
    while (pages != 0) {
      const auto order = static_cast<std::size_t>(std::bit_width(pages)) - 1;
      give_piece(block, order);
      block += kPage << order;
      pages -= std::size_t{1} << order;
    }
  }

  std::uint64_t taken() {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  // One more that is ready, unless enough are for what was taken since they were `taken_before`.
  bool prepare(std::uint64_t taken_before) {
    if (const std::lock_guard lock(mutex_);
        ready_.size() >= std::min<std::uint64_t>(kReady, taken_ - taken_before))
      return false;
    try {
      const std::uintptr_t region = map_region();
      touch(region);
      const std::lock_guard lock(mutex_);
      ready_.push_back(region);
    } catch (const std::bad_alloc&) {
      return false;  // whoever needs it will hear
    }
    return true;
  }
  // Until more are taken than `seen`, which is then how many; false once `is_stopped`.
  bool wait_for_more(std::uint64_t& seen, const std::atomic<bool>& is_stopped) {
    while (true) {
      const std::uint64_t changes = changes_;
      if (is_stopped) return false;
      if (const std::uint64_t now = taken(); now != seen) {
        seen = now;
        return true;
      }
      changes_.wait(changes);
    }
  }
  void wake() {
    ++changes_;
    changes_.notify_all();
  }
  void drop_ready() {
    const std::lock_guard lock(mutex_);
    for (const std::uintptr_t region : ready_) ::munmap(reinterpret_cast<void*>(region), kRegion);
    ready_.clear();
  }

 private:
  std::uintptr_t take_region() {
    ++taken_;
    wake();
    if (ready_.empty()) return map_region();
    const std::uintptr_t region = ready_.back();
    ready_.pop_back();
    return region;
  }

  static void touch(std::uintptr_t region) {
    for (std::size_t at = 0; at < kRegion; at += kPage) {
      *reinterpret_cast<volatile char*>(region + at) = 0;
    }
  }

  void give_piece(std::uintptr_t block, std::size_t order) noexcept {
    for (; order + 1 < kOrders; ++order) {
      const std::uintptr_t buddy = block ^ (kPage << order);
      if (free_[order].erase(buddy) == 0) break;
      block = std::min(block, buddy);
    }
    if (order + 1 == kOrders && !free_[order].empty()) {
      ::munmap(reinterpret_cast<void*>(block), kRegion);
      return;
    }
    free_[order].insert(block);
  }

  // A region stands at a multiple of its size: twice as much is mapped, and the rest let go.
  static std::uintptr_t map_region() {
    void* mapped =
        ::mmap(nullptr, 2 * kRegion, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    const auto begin = reinterpret_cast<std::uintptr_t>(mapped);
    const std::uintptr_t region = (begin + kRegion - 1) / kRegion * kRegion;
    if (region > begin) ::munmap(mapped, region - begin);
    if (const std::uintptr_t rest = begin + kRegion - region; rest > 0) {
      ::munmap(reinterpret_cast<void*>(region + kRegion), rest);
    }
    ::madvise(reinterpret_cast<void*>(region), kRegion, MADV_HUGEPAGE);
    return region;
  }

  std::mutex mutex_;
  std::atomic<std::uint64_t> changes_ = 0;  // more regions are taken, or somebody's wait is over
  std::array<std::set<std::uintptr_t>, kOrders> free_;
  std::vector<std::uintptr_t> ready_;  // touched, and not yet taken
  std::uint64_t taken_ = 0;            // regions so far
};

Regions& regions() {
  static auto* const kRegions = new Regions;  // outlives every engine
  return *kRegions;
}
std::byte* take_slab(std::size_t bytes) { return regions().take(bytes / kPage); }
void give_slab(std::byte* slab, std::size_t bytes) noexcept { regions().give(slab, bytes / kPage); }
struct LockedBlocks {
  std::mutex mutex;
  SmallBlocks blocks{take_slab, give_slab};
};
LockedBlocks& small_blocks() {
  static auto* const kBlocks = new LockedBlocks;  // likewise
  return *kBlocks;
}
// The address sanitizer looks at blocks of the heap alone.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kHasSmallBlocks = false;
#else
constexpr bool kHasSmallBlocks = true;
#endif
bool is_small(std::size_t bytes) {
  return kHasSmallBlocks && bytes > 0 && bytes <= SmallBlocks::kMost;
}
bool is_cut(std::size_t bytes) { return bytes > SmallBlocks::kMost && bytes <= kLargest; }
std::size_t pages_of(std::size_t bytes) { return (bytes + kPage - 1) / kPage; }
std::align_val_t alignment_of(std::size_t bytes) {
  return std::align_val_t{std::clamp(std::bit_ceil(bytes), std::size_t{64}, kPage)};
}
}  // namespace

PagesAhead::PagesAhead() : taken_before_(regions().taken()), taken_seen_(taken_before_) {}
PagesAhead::~PagesAhead() { regions().drop_ready(); }
bool PagesAhead::prepare() { return regions().prepare(taken_before_); }
bool PagesAhead::wait() { return regions().wait_for_more(taken_seen_, is_stopped_); }
void PagesAhead::stop() {
  is_stopped_ = true;
  regions().wake();
}

std::byte* allocate_pages(std::size_t bytes) {
  if (is_small(bytes)) {
    LockedBlocks& small = small_blocks();
    const std::lock_guard lock(small.mutex);
    return small.blocks.take(bytes);
  }
  if (is_cut(bytes)) return regions().take(pages_of(bytes));
  return static_cast<std::byte*>(::operator new[](bytes, alignment_of(bytes)));
}

void free_pages(std::byte* memory, std::size_t bytes) noexcept {
  if (memory == nullptr) return;
  if (is_small(bytes)) {
    LockedBlocks& small = small_blocks();
    const std::lock_guard lock(small.mutex);
    small.blocks.give(memory, bytes);
  } else if (is_cut(bytes)) {
    regions().give(memory, pages_of(bytes));
  } else {
    ::operator delete[](memory, alignment_of(bytes));
  }
}
}  // namespace tocsin

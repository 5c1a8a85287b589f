#include "cep/base/small_blocks.h"

#include <algorithm>
#include <bit>
#include <new>

#include "cep/base/assert.h"

namespace tocsin {
SmallBlocks::~SmallBlocks() {
  for (Slab* first : with_room_) {
    while (first != nullptr) {
      Slab* const slab = first;
      first = slab->after;
      TOCSIN_ASSERT(slab->used == 0, "blocks are given back before");
      give_slab_(reinterpret_cast<std::byte*>(slab), kSlab);
    }
  }
}

std::size_t SmallBlocks::class_of(std::size_t bytes) {
  constexpr std::size_t kLeastBits = 6;
  const auto bits = static_cast<std::size_t>(std::bit_width(bytes - 1));
  return std::max(bits, kLeastBits) - kLeastBits;
}

bool SmallBlocks::has_room(const Slab& slab, std::size_t size_class) {
  return slab.free != nullptr || slab.fresh + block_bytes(size_class) <= kSlab;
}

void SmallBlocks::list(Slab& slab, std::size_t size_class) {
  Slab*& first = with_room_[size_class];
  slab.before = nullptr;
  slab.after = first;
  if (first != nullptr) first->before = &slab;
  first = &slab;
}

void SmallBlocks::unlist(Slab& slab, std::size_t size_class) {
  (slab.before != nullptr ? slab.before->after : with_room_[size_class]) = slab.after;
  if (slab.after != nullptr) slab.after->before = slab.before;
}

SmallBlocks::Slab* SmallBlocks::open_slab(std::size_t size_class) {
  std::byte* const memory = take_slab_(kSlab);
  TOCSIN_ASSERT(reinterpret_cast<std::uintptr_t>(memory) % kSlab == 0,
                "pages cut from a region are aligned to their size");
  Slab* const slab = new (memory) Slab;
  slab->fresh = static_cast<std::uint32_t>(std::max(sizeof(Slab), block_bytes(size_class)));
  held_ += kSlab;
  ++empty_[size_class];
  list(*slab, size_class);
  return slab;
}

std::byte* SmallBlocks::take(std::size_t bytes) {
  const std::size_t size_class = class_of(bytes);
  Slab* slab = with_room_[size_class];
  if (slab == nullptr) slab = open_slab(size_class);
  if (slab->used++ == 0) --empty_[size_class];
  std::byte* block = nullptr;
  if (slab->free != nullptr) {
    block = reinterpret_cast<std::byte*>(slab->free);
    slab->free = slab->free->next;
  } else {
    block = reinterpret_cast<std::byte*>(slab) + slab->fresh;
    slab->fresh += static_cast<std::uint32_t>(block_bytes(size_class));
  }
  if (!has_room(*slab, size_class)) unlist(*slab, size_class);
  return block;
}

void SmallBlocks::give(std::byte* block, std::size_t bytes) noexcept {
  const std::size_t size_class = class_of(bytes);
  const std::size_t place = reinterpret_cast<std::uintptr_t>(block) % kSlab;
  Slab& slab = *reinterpret_cast<Slab*>(block - place);
  if (!has_room(slab, size_class)) list(slab, size_class);
  slab.free = new (block) FreeBlock{slab.free};
  if (--slab.used > 0) return;
  if (empty_[size_class] == 0) {
    ++empty_[size_class];
    return;
  }
  unlist(slab, size_class);
  held_ -= kSlab;
  give_slab_(reinterpret_cast<std::byte*>(&slab), kSlab);
}
}  // namespace tocsin

#include "runtime/aligned_bytes.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace tocsin::runtime {
void AlignedBytes::reserve(std::size_t bytes) {
  if (bytes <= room_) return;
  const std::size_t room =
      static_cast<std::size_t>(direct_ceiling(std::max(bytes, room_ + room_ / 2)));
  auto* const memory = static_cast<char*>(std::aligned_alloc(kDirectBytes, room));
  if (memory == nullptr) throw std::bad_alloc();
  if (room_ != 0) std::memcpy(memory, memory_.get(), room_);
  memory_.reset(memory);
  room_ = room;
}
}  // namespace tocsin::runtime

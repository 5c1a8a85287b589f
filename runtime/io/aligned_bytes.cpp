#include "runtime/io/aligned_bytes.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace tocsin::runtime {
namespace {
// From here on in huge pages where the system gives them: a write past the cache looks every page
// up.
constexpr std::size_t kHugeBytes = std::size_t{2} << 20;
}  // namespace

void AlignedBytes::reserve(std::size_t bytes) {
  if (bytes <= room_) return;
  const std::size_t wanted = std::max(bytes, room_ + room_ / 2);
  const std::size_t unit = wanted < kHugeBytes ? std::size_t{kDirectBytes} : kHugeBytes;
  const std::size_t room = (wanted + unit - 1) / unit * unit;
  auto* const memory = static_cast<char*>(std::aligned_alloc(unit, room));
  if (memory == nullptr) throw std::bad_alloc();
  if (unit == kHugeBytes) ::madvise(memory, room, MADV_HUGEPAGE);
  if (room_ != 0) std::memcpy(memory, memory_.get(), room_);
  memory_.reset(memory);
  room_ = room;
}
}  // namespace tocsin::runtime

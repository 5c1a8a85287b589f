/// Bytes in memory that a file may take from there past the system's cache.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <memory>

#include "runtime/io/files.h"

namespace tocsin::runtime {
/// Memory that begins at a multiple of kDirectBytes. Threading: one caller at a time.
class AlignedBytes {
 public:
  char* data() { return memory_.get(); }
  const char* data() const { return memory_.get(); }
  /// Makes room for so many bytes, and keeps those that there was room for.
  void reserve(std::size_t bytes);

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  std::unique_ptr<char, Free> memory_;
  std::size_t room_ = 0;
};

/// The multiple of kDirectBytes at or before, and at or after, a place.
constexpr std::uint64_t direct_floor(std::uint64_t at) { return at / kDirectBytes * kDirectBytes; }
constexpr std::uint64_t direct_ceiling(std::uint64_t at) {
  return direct_floor(at + kDirectBytes - 1);
}
}  // namespace tocsin::runtime

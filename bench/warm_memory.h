/// Memory that a virtual machine has never used is given by its host only when it is first touched,
/// and that can take forty times as long as clearing a page: it would count for what is measured.
#pragma once
#include <sys/mman.h>

#include <chrono>
#include <cstddef>
#include <cstdio>

namespace tocsin::bench {
/// Touches every page of `bytes` and gives them back to the system, twice, so that they are at
/// hand; prints what both times took if the first was much slower.
inline void warm_memory(std::size_t bytes) {
  double seconds[2] = {};
  for (double& took : seconds) {
    const auto start = std::chrono::steady_clock::now();
    void* const mapped =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return;
    ::madvise(mapped, bytes, MADV_HUGEPAGE);
    for (std::size_t at = 0; at < bytes; at += 4096) static_cast<volatile char*>(mapped)[at] = 1;
    ::munmap(mapped, bytes);
    took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  if (seconds[0] > 3 * seconds[1]) {
    const double gib = static_cast<double>(bytes) / (std::size_t{1} << 30);
    std::printf("memory: %.2f s a GiB at the first touch, %.2f s at the second\n", seconds[0] / gib,
                seconds[1] / gib);
  }
}
}  // namespace tocsin::bench

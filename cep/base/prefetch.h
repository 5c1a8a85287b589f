/// Asks the processor for a cache line ahead of its use.
#pragma once

namespace tocsin {
/// Starts loading the line that holds `address`; never faults. An asm statement on x86-64, since
/// g++ 12 takes a function that does nothing but __builtin_prefetch for one without effect and
/// drops the calls to it.
inline void prefetch(const void* address) {
#if defined(__x86_64__)
  asm volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address);
#endif
}
}  // namespace tocsin

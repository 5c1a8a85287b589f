/// Our own failures: an invariant that does not hold ends the process, in every build.
#pragma once
#include <cstdio>
#include <cstdlib>

namespace tocsin {
[[noreturn]] inline void assert_failed(const char* condition, const char* why, const char* file,
                                       int line) {
  std::fprintf(stderr, "tocsin: invariant broken: %s (%s) at %s:%d\n", condition, why, file, line);
  std::abort();
}
}  // namespace tocsin
/// Aborts when `condition` is false; `why` says why it always holds.
#define TOCSIN_ASSERT(condition, why) \
  ((condition) ? static_cast<void>(0) \
               : ::tocsin::assert_failed(#condition, why, __FILE__, __LINE__))

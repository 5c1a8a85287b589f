#include "runtime/io/xxh3.h"

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

namespace tocsin::runtime {
namespace {
#if defined(TOCSIN_HAS_AVX2_FILE)
const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;
#endif
}  // namespace

void xxh3_update(void* state, const void* bytes, std::size_t size) {
#if defined(TOCSIN_HAS_AVX2_FILE)
  if (kHasAvx2) {
    avx2::update(state, bytes, size);
    return;
  }
#endif
  XXH3_128bits_update(static_cast<XXH3_state_t*>(state), bytes, size);
}

void xxh3_digest(const void* bytes, std::size_t size, unsigned char* canonical) {
#if defined(TOCSIN_HAS_AVX2_FILE)
  if (kHasAvx2) {
    avx2::digest(bytes, size, canonical);
    return;
  }
#endif
  XXH128_canonicalFromHash(reinterpret_cast<XXH128_canonical_t*>(canonical),
                           XXH3_128bits(bytes, size));
}
}  // namespace tocsin::runtime

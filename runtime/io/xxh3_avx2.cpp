// XXH3 by AVX2, compiled for processors that have it; this file holds nothing else, so that no
// other code is compiled so. The values, and the state of a digest, are those of any other build.
#include "runtime/io/xxh3.h"

#if defined(__AVX2__)
#define XXH_STATIC_LINKING_ONLY
#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

static_assert(XXH_VECTOR == XXH_AVX2, "it is compiled for what it is called for");

namespace tocsin::runtime::avx2 {
void update(void* state, const void* bytes, std::size_t size) {
  XXH3_128bits_update(static_cast<XXH3_state_t*>(state), bytes, size);
}
void digest(const void* bytes, std::size_t size, unsigned char* canonical) {
  XXH128_canonicalFromHash(reinterpret_cast<XXH128_canonical_t*>(canonical),
                           XXH3_128bits(bytes, size));
}
}  // namespace tocsin::runtime::avx2
#endif

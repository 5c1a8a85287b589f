/// XXH3-128 of long texts by the widest instructions that the processor has and the build knows:
/// the program is built for processors that lack them. Values are the same everywhere.
#pragma once
#include <cstddef>

namespace tocsin::runtime {
/// Adds bytes to an XXH3_state_t of XXH3_128bits_reset().
void xxh3_update(void* state, const void* bytes, std::size_t size);
/// The digest in its canonical form, 16 bytes.
void xxh3_digest(const void* bytes, std::size_t size, unsigned char* canonical);

/// Only where the processor has them (runtime/io/xxh3.cpp asks).
namespace avx2 {
void update(void* state, const void* bytes, std::size_t size);
void digest(const void* bytes, std::size_t size, unsigned char* canonical);
}  // namespace avx2
}  // namespace tocsin::runtime

// The scan for separators by AVX-512, compiled for processors that have it; this file holds nothing
// else, so that no other code is compiled so.
#include "runtime/decode/separator_scan.h"

#if defined(__AVX512VBMI2__)
#include <immintrin.h>

#include "runtime/decode/separator_loop.h"

namespace tocsin::runtime {
namespace {
class Block {
 public:
  explicit Block(const char* at) : bytes_(_mm512_loadu_si512(at)) {}
  std::uint64_t equal(char c) const { return _mm512_cmpeq_epi8_mask(bytes_, _mm512_set1_epi8(c)); }
  std::uint64_t equal(char c, char d) const { return equal(c) | equal(d); }
  std::uint64_t control() const { return _mm512_cmplt_epu8_mask(bytes_, _mm512_set1_epi8(0x20)); }
  using Seen = __m512i;
  static Seen nothing() { return _mm512_setzero_si512(); }
  void see(Seen& seen) const { seen = _mm512_or_si512(seen, bytes_); }
  static bool is_ascii(Seen seen) { return _mm512_movepi8_mask(seen) == 0; }
  static std::uint64_t inside(std::uint64_t quotes) {
    const __m128i bits = _mm_set_epi64x(0, static_cast<std::int64_t>(quotes));
    return static_cast<std::uint64_t>(
        _mm_cvtsi128_si64(_mm_clmulepi64_si128(bits, _mm_set1_epi8(-1), 0)));
  }
  static std::uint32_t* put(std::uint64_t bits, std::uint32_t base, std::uint32_t* to) {
    alignas(64) static constexpr std::uint8_t kPlaces[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    const __m512i first = _mm512_set1_epi32(static_cast<int>(base));
    __m512i places = _mm512_maskz_compress_epi8(bits, _mm512_load_si512(kPlaces));
    const auto count = static_cast<std::uint32_t>(_mm_popcnt_u64(bits));
    // As many as most blocks have, without a branch.
    for (std::uint32_t from = 0;;) {
      const __m512i some = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(places));
      _mm512_storeu_si512(to + from, _mm512_add_epi32(some, first));
      from += 16;
      if (from >= count) break;
      places = _mm512_alignr_epi64(places, places, 2);
    }
    return to + count;
  }

 private:
  __m512i bytes_;
};
}  // namespace

SeparatorScan scan_separators_avx512;
SeparatorsFound scan_separators_avx512(const char* text, std::size_t size,
                                       const SeparatorBuffers& to) {
  const SeparatorsFound found = SeparatorLoop<Block>(to).run(text, size);
  _mm256_zeroupper();  // else SSE instructions that follow wait for the upper halves
  return found;
}
}  // namespace tocsin::runtime
#endif

// The scan for separators by AVX2, compiled for processors that have it; this file holds nothing
// else, so that no other code is compiled so.
#include "runtime/decode/separator_scan.h"

#if defined(__AVX2__)
#include <immintrin.h>

#include "runtime/decode/separator_loop.h"

namespace tocsin::runtime {
namespace {
class Block {
 public:
  explicit Block(const char* at)
      : low_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at))),
        high_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at) + 1)) {}
  std::uint64_t equal(char c) const {
    const __m256i wanted = _mm256_set1_epi8(c);
    return bits(_mm256_cmpeq_epi8(low_, wanted), _mm256_cmpeq_epi8(high_, wanted));
  }
  std::uint64_t equal(char c, char d) const {
    const __m256i wanted = _mm256_set1_epi8(c);
    const __m256i also = _mm256_set1_epi8(d);
    return bits(_mm256_or_si256(_mm256_cmpeq_epi8(low_, wanted), _mm256_cmpeq_epi8(low_, also)),
                _mm256_or_si256(_mm256_cmpeq_epi8(high_, wanted), _mm256_cmpeq_epi8(high_, also)));
  }
  std::uint64_t control() const {
    const __m256i most = _mm256_set1_epi8(0x1f);
    return bits(_mm256_cmpeq_epi8(_mm256_min_epu8(low_, most), low_),
                _mm256_cmpeq_epi8(_mm256_min_epu8(high_, most), high_));
  }
  using Seen = __m256i;
  static Seen nothing() { return _mm256_setzero_si256(); }
  void see(Seen& seen) const { seen = _mm256_or_si256(seen, _mm256_or_si256(low_, high_)); }
  static bool is_ascii(Seen seen) { return _mm256_movemask_epi8(seen) == 0; }
  static std::uint64_t inside(std::uint64_t quotes) {
    const __m128i bits = _mm_set_epi64x(0, static_cast<std::int64_t>(quotes));
    return static_cast<std::uint64_t>(
        _mm_cvtsi128_si64(_mm_clmulepi64_si128(bits, _mm_set1_epi8(-1), 0)));
  }
  static std::uint32_t* put(std::uint64_t bits, std::uint32_t base, std::uint32_t* to) {
    const auto count = static_cast<std::uint32_t>(_mm_popcnt_u64(bits));
    // As many as most blocks have, without a branch.
    bits = put_four(bits, base, to);
    for (std::uint32_t from = 4; from < count; from += 4) bits = put_four(bits, base, to + from);
    return to + count;
  }

 private:
  static std::uint64_t put_four(std::uint64_t bits, std::uint32_t base, std::uint32_t* to) {
    to[0] = base + static_cast<std::uint32_t>(_tzcnt_u64(bits));
    bits = _blsr_u64(bits);
    to[1] = base + static_cast<std::uint32_t>(_tzcnt_u64(bits));
    bits = _blsr_u64(bits);
    to[2] = base + static_cast<std::uint32_t>(_tzcnt_u64(bits));
    bits = _blsr_u64(bits);
    to[3] = base + static_cast<std::uint32_t>(_tzcnt_u64(bits));
    return _blsr_u64(bits);
  }
  static std::uint64_t bits(__m256i low, __m256i high) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
           std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(high))} << 32;
  }
  __m256i low_;
  __m256i high_;
};
}  // namespace

SeparatorScan scan_separators_avx2;
SeparatorsFound scan_separators_avx2(const char* text, std::size_t size,
                                     const SeparatorBuffers& to) {
  const SeparatorsFound found = SeparatorLoop<Block>(to).run(text, size);
  _mm256_zeroupper();  // else SSE instructions that follow wait for the upper halves
  return found;
}
}  // namespace tocsin::runtime
#endif

// The scan for separators by the instructions that the whole program is compiled for.
#include "runtime/decode/separator_scan.h"

#ifdef __SSE4_2__
#include <immintrin.h>
#endif
#include <bit>

#include "runtime/decode/separator_loop.h"

namespace tocsin::runtime {
namespace {
#ifdef __SSE4_2__
class Block {
 public:
  explicit Block(const char* at) {
    for (int i = 0; i < 4; ++i) {
      bytes_[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i);
    }
  }
  std::uint64_t equal(char c) const {
    const __m128i wanted = _mm_set1_epi8(c);
    return bits([&](__m128i bytes) { return _mm_cmpeq_epi8(bytes, wanted); });
  }
  std::uint64_t equal(char c, char d) const {
    const __m128i wanted = _mm_set1_epi8(c);
    const __m128i also = _mm_set1_epi8(d);
    return bits([&](__m128i bytes) {
      return _mm_or_si128(_mm_cmpeq_epi8(bytes, wanted), _mm_cmpeq_epi8(bytes, also));
    });
  }
  std::uint64_t control() const {
    const __m128i most = _mm_set1_epi8(0x1f);
    return bits([&](__m128i bytes) { return _mm_cmpeq_epi8(_mm_min_epu8(bytes, most), bytes); });
  }
  using Seen = __m128i;
  static Seen nothing() { return _mm_setzero_si128(); }
  void see(Seen& seen) const {
    for (const __m128i bytes : bytes_) seen = _mm_or_si128(seen, bytes);
  }
  static bool is_ascii(Seen seen) { return _mm_movemask_epi8(seen) == 0; }

 private:
  template <typename Test>
  std::uint64_t bits(const Test& test) const {
    std::uint64_t all = 0;
    for (int i = 0; i < 4; ++i) {
      all |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(test(bytes_[i])))}
             << (16 * i);
    }
    return all;
  }
  __m128i bytes_[4];
#else
class Block {
 public:
  explicit Block(const char* at) : at_(at) {}
  std::uint64_t equal(char c) const {
    return bits([&](char byte) { return byte == c; });
  }
  std::uint64_t equal(char c, char d) const {
    return bits([&](char byte) { return byte == c || byte == d; });
  }
  std::uint64_t control() const {
    return bits([](char byte) { return static_cast<unsigned char>(byte) < 0x20; });
  }
  using Seen = bool;
  static Seen nothing() { return false; }
  void see(Seen& seen) const {
    seen |= bits([](char byte) { return static_cast<unsigned char>(byte) >= 0x80; }) != 0;
  }
  static bool is_ascii(Seen seen) { return !seen; }

 private:
  template <typename Test>
  std::uint64_t bits(const Test& test) const {
    std::uint64_t all = 0;
    for (int i = 0; i < 64; ++i) all |= std::uint64_t{test(at_[i])} << i;
    return all;
  }
  const char* at_;
#endif

 public:
  static std::uint64_t inside(std::uint64_t quotes) {
#ifdef __PCLMUL__
    const __m128i bits = _mm_set_epi64x(0, static_cast<std::int64_t>(quotes));
    return static_cast<std::uint64_t>(
        _mm_cvtsi128_si64(_mm_clmulepi64_si128(bits, _mm_set1_epi8(-1), 0)));
#else
    for (int i = 1; i < 64; i *= 2) quotes ^= quotes << i;
    return quotes;
#endif
  }
  static std::uint32_t* put(std::uint64_t bits, std::uint32_t base, std::uint32_t* to) {
    const int count = std::popcount(bits);
    // As many as most blocks have, without a branch.
    for (int i = 0; i < 4; ++i, bits &= bits - 1) {
      to[i] = base + static_cast<std::uint32_t>(std::countr_zero(bits));
    }
    for (int i = 4; bits != 0; ++i, bits &= bits - 1) {
      to[i] = base + static_cast<std::uint32_t>(std::countr_zero(bits));
    }
    return to + count;
  }
};

}  // namespace

SeparatorScan scan_separators_plain;
SeparatorsFound scan_separators_plain(const char* text, std::size_t size,
                                      const SeparatorBuffers& to) {
  return SeparatorLoop<Block>(to).run(text, size);
}
}  // namespace tocsin::runtime

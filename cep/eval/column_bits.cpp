#include "cep/eval/column_bits.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tocsin::cep {
namespace {
constexpr std::uint32_t kBlock = 64;

// ---- one entry at a time

// The bits of entries from `begin` on, 64 at most, from a test that gives 0 or 1.
template <typename Test>
std::uint64_t bits_from(std::uint32_t begin, std::uint32_t rows, Test&& test) {
  const std::uint32_t count = std::min(kBlock, rows - begin);
  std::uint64_t bits = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    bits |= static_cast<std::uint64_t>(test(begin + i)) << i;
  }
  return bits;
}

struct KnownTest {
  const std::uint8_t* known;
  bool is_known;
  bool operator()(std::uint32_t i) const { return (known[i] != 0) == is_known; }
};
// low <= word <= high as one unsigned comparison; requires low <= high.
struct RangeTest {
  const std::uint8_t* known;
  const std::int64_t* words;
  std::uint64_t low;
  std::uint64_t width;
  bool is_inside;
  bool operator()(std::uint32_t i) const {
    const bool inside = static_cast<std::uint64_t>(words[i]) - low <= width;
    return static_cast<bool>(known[i] & static_cast<std::uint8_t>(inside == is_inside));
  }
};
struct EqualTest {
  const std::uint8_t* known;
  const std::int64_t* words;
  std::span<const std::int64_t> values;
  bool is_equal;
  bool operator()(std::uint32_t i) const {
    bool found = false;
    for (const std::int64_t value : values) found |= words[i] == value;
    return static_cast<bool>(known[i] & static_cast<std::uint8_t>(found == is_equal));
  }
};

template <typename Test>
void fill_from(std::uint32_t begin, std::uint32_t rows, const Test& test, std::uint64_t* out) {
  for (; begin < rows; begin += kBlock) out[begin / kBlock] = bits_from(begin, rows, test);
}

// No word lies in an empty range.
void fill_empty(const std::uint8_t* known, std::uint32_t rows, bool is_inside, std::uint64_t* out,
                ColumnBits::Known known_bits) {
  if (is_inside) {
    std::fill_n(out, (rows + kBlock - 1) / kBlock, 0);
  } else {
    known_bits(known, rows, true, out);
  }
}

RangeTest range_test(const std::uint8_t* known, const std::int64_t* words, std::int64_t low,
                     std::int64_t high, bool is_inside) {
  const auto from = static_cast<std::uint64_t>(low);
  return {known, words, from, static_cast<std::uint64_t>(high) - from, is_inside};
}

void known_one(const std::uint8_t* known, std::uint32_t rows, bool is_known, std::uint64_t* out) {
  fill_from(0, rows, KnownTest{known, is_known}, out);
}
void range_one(const std::uint8_t* known, const std::int64_t* words, std::uint32_t rows,
               std::int64_t low, std::int64_t high, bool is_inside, std::uint64_t* out) {
  if (low > high) return fill_empty(known, rows, is_inside, out, known_one);
  fill_from(0, rows, range_test(known, words, low, high, is_inside), out);
}
void equal_one(const std::uint8_t* known, const std::int64_t* words, std::uint32_t rows,
               std::span<const std::int64_t> values, bool is_equal, std::uint64_t* out) {
  fill_from(0, rows, EqualTest{known, words, values, is_equal}, out);
}

#if defined(__x86_64__)
// g++ ends no function of such a target with `vzeroupper`. Without it each SSE instruction that
// follows, in the whole program, waits for the upper halves of the registers: a run took 8 to 10 %
// longer.

// ---- AVX2: four words, or 32 bytes

[[gnu::target("avx2")]] std::uint64_t known_avx2_of(const std::uint8_t* known) {
  const __m256i zero = _mm256_setzero_si256();
  const auto* const at = reinterpret_cast<const __m256i*>(known);
  const __m256i low = _mm256_cmpeq_epi8(_mm256_loadu_si256(at), zero);
  const __m256i high = _mm256_cmpeq_epi8(_mm256_loadu_si256(at + 1), zero);
  const auto missing_low = static_cast<std::uint32_t>(_mm256_movemask_epi8(low));
  const auto missing_high = static_cast<std::uint32_t>(_mm256_movemask_epi8(high));
  return ~(missing_low | std::uint64_t{missing_high} << 32);
}
[[gnu::target("avx2")]] std::uint64_t mask_avx2(__m256i words) {
  return static_cast<std::uint64_t>(_mm256_movemask_pd(_mm256_castsi256_pd(words)));
}

[[gnu::target("avx2")]] void known_avx2(const std::uint8_t* known, std::uint32_t rows,
                                        bool is_known, std::uint64_t* out) {
  std::uint32_t begin = 0;
  for (; begin + kBlock <= rows; begin += kBlock) {
    const std::uint64_t bits = known_avx2_of(known + begin);
    out[begin / kBlock] = is_known ? bits : ~bits;
  }
  _mm256_zeroupper();
  fill_from(begin, rows, KnownTest{known, is_known}, out);
}
[[gnu::target("avx2")]] void range_avx2(const std::uint8_t* known, const std::int64_t* words,
                                        std::uint32_t rows, std::int64_t low, std::int64_t high,
                                        bool is_inside, std::uint64_t* out) {
  if (low > high) return fill_empty(known, rows, is_inside, out, known_avx2);
  const __m256i least = _mm256_set1_epi64x(low);
  const __m256i most = _mm256_set1_epi64x(high);
  std::uint32_t begin = 0;
  for (; begin + kBlock <= rows; begin += kBlock) {
    std::uint64_t outside = 0;
    for (std::uint32_t i = 0; i < kBlock; i += 4) {
      const __m256i word = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words + begin + i));
      outside |= mask_avx2(_mm256_or_si256(_mm256_cmpgt_epi64(least, word),
                                           _mm256_cmpgt_epi64(word, most)))
                 << i;
    }
    out[begin / kBlock] = (is_inside ? ~outside : outside) & known_avx2_of(known + begin);
  }
  _mm256_zeroupper();
  fill_from(begin, rows, range_test(known, words, low, high, is_inside), out);
}
[[gnu::target("avx2")]] void equal_avx2(const std::uint8_t* known, const std::int64_t* words,
                                        std::uint32_t rows, std::span<const std::int64_t> values,
                                        bool is_equal, std::uint64_t* out) {
  std::uint32_t begin = 0;
  for (; begin + kBlock <= rows; begin += kBlock) {
    std::uint64_t found = 0;
    for (const std::int64_t one : values) {
      const __m256i value = _mm256_set1_epi64x(one);
      for (std::uint32_t i = 0; i < kBlock; i += 4) {
        const __m256i word =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words + begin + i));
        found |= mask_avx2(_mm256_cmpeq_epi64(word, value)) << i;
      }
    }
    out[begin / kBlock] = (is_equal ? found : ~found) & known_avx2_of(known + begin);
  }
  _mm256_zeroupper();
  fill_from(begin, rows, EqualTest{known, words, values, is_equal}, out);
}

// ---- AVX-512: eight words, or 64 bytes

[[gnu::target("avx512f,avx512bw")]] std::uint64_t known_avx512_of(const std::uint8_t* known) {
  const __m512i bytes = _mm512_loadu_si512(known);
  return _mm512_test_epi8_mask(bytes, bytes);
}

[[gnu::target("avx512f,avx512bw")]] void known_avx512(const std::uint8_t* known, std::uint32_t rows,
                                                      bool is_known, std::uint64_t* out) {
  std::uint32_t begin = 0;
  for (; begin + kBlock <= rows; begin += kBlock) {
    const std::uint64_t bits = known_avx512_of(known + begin);
    out[begin / kBlock] = is_known ? bits : ~bits;
  }
  _mm256_zeroupper();
  fill_from(begin, rows, KnownTest{known, is_known}, out);
}
[[gnu::target("avx512f,avx512bw")]] void range_avx512(const std::uint8_t* known,
                                                      const std::int64_t* words, std::uint32_t rows,
                                                      std::int64_t low, std::int64_t high,
                                                      bool is_inside, std::uint64_t* out) {
  if (low > high) return fill_empty(known, rows, is_inside, out, known_avx512);
  const __m512i least = _mm512_set1_epi64(low);
  const __m512i most = _mm512_set1_epi64(high);
  std::uint32_t begin = 0;
  for (; begin + kBlock <= rows; begin += kBlock) {
    std::uint64_t inside = 0;
    for (std::uint32_t i = 0; i < kBlock; i += 8) {
      const __m512i word = _mm512_loadu_si512(words + begin + i);
      const __mmask8 above = _mm512_cmp_epi64_mask(word, least, _MM_CMPINT_NLT);
      inside |= std::uint64_t{_mm512_mask_cmp_epi64_mask(above, word, most, _MM_CMPINT_LE)} << i;
    }
    out[begin / kBlock] = (is_inside ? inside : ~inside) & known_avx512_of(known + begin);
  }
  _mm256_zeroupper();
  fill_from(begin, rows, range_test(known, words, low, high, is_inside), out);
}
[[gnu::target("avx512f,avx512bw")]] void equal_avx512(const std::uint8_t* known,
                                                      const std::int64_t* words, std::uint32_t rows,
                                                      std::span<const std::int64_t> values,
                                                      bool is_equal, std::uint64_t* out) {
  std::uint32_t begin = 0;
  for (; begin + kBlock <= rows; begin += kBlock) {
    std::uint64_t found = 0;
    for (const std::int64_t one : values) {
      const __m512i value = _mm512_set1_epi64(one);
      for (std::uint32_t i = 0; i < kBlock; i += 8) {
        const __m512i word = _mm512_loadu_si512(words + begin + i);
        found |= std::uint64_t{_mm512_cmpeq_epi64_mask(word, value)} << i;
      }
    }
    out[begin / kBlock] = (is_equal ? found : ~found) & known_avx512_of(known + begin);
  }
  _mm256_zeroupper();
  fill_from(begin, rows, EqualTest{known, words, values, is_equal}, out);
}
#endif

constexpr ColumnBits kOne = {known_one, range_one, equal_one};
#if defined(__x86_64__)
constexpr ColumnBits kAvx2 = {known_avx2, range_avx2, equal_avx2};
constexpr ColumnBits kAvx512 = {known_avx512, range_avx512, equal_avx512};
#endif
}  // namespace

const ColumnBits* column_bits(ColumnLanes lanes) {
  if (lanes == ColumnLanes::kOne) return &kOne;
#if defined(__x86_64__)
  if (lanes == ColumnLanes::kAvx2) return __builtin_cpu_supports("avx2") != 0 ? &kAvx2 : nullptr;
  const bool has_both =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
  return has_both ? &kAvx512 : nullptr;
#else
  return nullptr;
#endif
}

const ColumnBits& column_bits() {
  static const ColumnBits& widest = []() -> const ColumnBits& {
    for (const ColumnLanes lanes : {ColumnLanes::kAvx512, ColumnLanes::kAvx2}) {
      if (const ColumnBits* const bits = column_bits(lanes)) return *bits;
    }
    return kOne;
  }();
  return widest;
}
}  // namespace tocsin::cep

#include "cep/aggregate/entropy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "cep/value/decimal.h"
#include "cep/value/real_math.h"

namespace tocsin::cep {
namespace {
Int128 term(std::uint64_t count) {
  // Most counts are small.
  constexpr std::size_t kKnown = 1'024;
  static const std::array<Int128, kKnown> kTerms = [] {
    std::array<Int128, kKnown> terms;
    for (std::size_t i = 0; i < kKnown; ++i) terms[i] = scaled_n_log2_n(i);
    return terms;
  }();
  return count < kKnown ? kTerms[count] : scaled_n_log2_n(count);
}
}  // namespace

void EntropySum::change(std::uint64_t before, std::uint64_t after) {
  sum_ += static_cast<Sum>(term(after)) - static_cast<Sum>(term(before));
}

double EntropySum::bits(std::uint64_t count) const {
  const auto rest = static_cast<Int128>(static_cast<Sum>(term(count)) - sum_);
  const Int128 mean = rest / static_cast<Int128>(count);
  return std::max(std::ldexp(static_cast<double>(mean), -kScaledLog2Bits), 0.0);
}
}  // namespace tocsin::cep

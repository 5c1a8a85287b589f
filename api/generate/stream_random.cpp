#include "api/generate/stream_random.h"

#include <bit>
#include <cstddef>

#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
constexpr std::uint64_t kGoldenGamma = 0x9e3779b97f4a7c15;

// The natural logarithm of a normal number > 0, to about 1e-13.
double natural_log(double value) {
  constexpr double kLog2 = 0.69314718055994530942;
  constexpr double kSqrt2 = 1.41421356237309504880;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double mantissa = std::bit_cast<double>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (mantissa > kSqrt2) {
    mantissa *= 0.5;
    ++exponent;
  }
  // ln m = 2 artanh((m - 1) / (m + 1)); |s| <= 0.172, so the terms fall by 34 each.
  const double s = (mantissa - 1.0) / (mantissa + 1.0);
  const double square = s * s;
  double sum = 0.0;
  for (int term = 17; term >= 1; term -= 2) sum = sum * square + 1.0 / term;
  return exponent * kLog2 + 2.0 * s * sum;
}
}  // namespace

std::uint64_t mixed(std::uint64_t value) {
  value += kGoldenGamma;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

StreamRandom::StreamRandom(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    word = mixed(seed);
    seed += kGoldenGamma;
  }
}

double StreamRandom::exponential() { return -natural_log(unit() + 0x1.0p-53); }

WeightedChoice::WeightedChoice(std::span<const double> weights) : cells_(weights.size()) {
  TOCSIN_ASSERT(!weights.empty(), "a choice has at least one thing to choose");
  double total = 0.0;
  for (const double weight : weights) total += weight;
  // Shares in units of a fair cell; cells below 1 are filled up from cells above.
  std::vector<double> shares;
  std::vector<std::uint32_t> small, large;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    shares.push_back(weights[i] * static_cast<double>(weights.size()) / total);
    (shares.back() < 1.0 ? small : large).push_back(static_cast<std::uint32_t>(i));
  }
  for (std::size_t i = 0; i < cells_.size(); ++i)
    cells_[i] = {0xffffffff, static_cast<std::uint32_t>(i)};
  while (!small.empty() && !large.empty()) {
    const std::uint32_t poor = small.back();
    const std::uint32_t rich = large.back();
    small.pop_back();
    cells_[poor] = {static_cast<std::uint32_t>(shares[poor] * 0x1.0p32), rich};
    shares[rich] -= 1.0 - shares[poor];
    if (shares[rich] < 1.0) {
      large.pop_back();
      small.push_back(rich);
    }
  }
}
}  // namespace tocsin::api

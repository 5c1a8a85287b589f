#include "cep/distinct_sketch.h"

#include <xxhash.h>

#include <bit>
#include <cmath>

namespace tocsin::cep {
namespace {
// Ertl's sigma and tau: corrections for the registers that hold nothing and the most.
double sigma(double x) {
  if (x == 1.0) return HUGE_VAL;
  double power = x;
  double weight = 1;
  double sum = x;
  for (double before = -1; sum != before;) {
    power *= power;
    before = sum;
    sum += power * weight;
    weight += weight;
  }
  return sum;
}
double tau(double x) {
  if (x == 0.0 || x == 1.0) return 0;
  double weight = 1;
  double sum = 1 - x;
  for (double before = -1; sum != before;) {
    x = std::sqrt(x);
    before = sum;
    weight *= 0.5;
    sum -= (1 - x) * (1 - x) * weight;
  }
  return sum / 3;
}
}  // namespace

DistinctSketch::DistinctSketch(std::pmr::memory_resource* memory)
    : registers_(kRegisters, 0, memory) {
  histogram_[0] = static_cast<std::uint32_t>(kRegisters);
}

void DistinctSketch::add(std::uint64_t hash) {
  const std::size_t place = hash >> (64 - kBits);
  // The bit that ends the zeros of the last register.
  const std::uint64_t rest = hash << kBits | std::uint64_t{1} << (kBits - 1);
  const auto rank = static_cast<std::uint8_t>(std::countl_zero(rest) + 1);
  std::uint8_t& held = registers_[place];
  if (rank <= held) return;
  --histogram_[held];
  held = rank;
  ++histogram_[held];
}

std::uint64_t DistinctSketch::estimate() const {
  constexpr auto kCount = static_cast<double>(kRegisters);
  double z = kCount * tau(1 - static_cast<double>(histogram_[kRankMax]) / kCount);
  for (int rank = kRankMax - 1; rank >= 1; --rank) {
    z = 0.5 * (z + static_cast<double>(histogram_[static_cast<std::size_t>(rank)]));
  }
  z += kCount * sigma(static_cast<double>(histogram_[0]) / kCount);
  constexpr double kAlpha = 0.72134752044448170368;  // 1 / (2 ln 2)
  return static_cast<std::uint64_t>(std::nearbyint(kAlpha * kCount * kCount / z));
}

std::uint64_t sketch_hash(std::int64_t word) {
  std::array<unsigned char, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(word) >> (8 * i));
  }
  return XXH3_64bits(bytes.data(), bytes.size());
}
std::uint64_t sketch_hash(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }
}  // namespace tocsin::cep

#include "cep/aggregate/distinct_sketch.h"

#include <xxhash.h>

#include <algorithm>
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

// Only the registers that hold something, each after so many that do not: a byte or two each, as
// long as most are empty; later all of them.
void DistinctSketch::save(ByteWriter& to) const {
  const std::uint64_t held = kRegisters - histogram_[0];
  to.varint(held);
  if (held >= kRegisters / 2) {
    to.raw({reinterpret_cast<const char*>(registers_.data()), registers_.size()});
    return;
  }
  std::size_t before = 0;
  for (std::size_t i = 0; i < kRegisters; ++i) {
    if (registers_[i] == 0) continue;
    to.varint(i - before);
    to.u8(registers_[i]);
    before = i + 1;
  }
}
bool DistinctSketch::restore(ByteReader& from) {
  const std::uint64_t held = from.varint_up_to(kRegisters);
  if (!from.ok() || held == 0) return false;
  if (held >= kRegisters / 2) {
    const std::string_view bytes = from.raw(kRegisters);
    if (!from.ok()) return false;
    std::copy(bytes.begin(), bytes.end(), registers_.begin());
  } else {
    std::size_t place = 0;
    for (std::uint64_t i = 0; i < held; ++i, ++place) {
      place += from.varint_up_to(kRegisters);
      if (place >= kRegisters) return false;
      registers_[place] = from.u8();
    }
    if (!from.ok()) return false;
  }
  histogram_ = {};
  for (const std::uint8_t rank : registers_) {
    if (rank > kRankMax) return false;
    ++histogram_[rank];
  }
  return histogram_[0] + held == kRegisters;
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

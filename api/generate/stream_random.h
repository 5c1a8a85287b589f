/// Random numbers for generated streams: the same on every machine, compiler and library.
///
/// Only integers and the five IEEE 754 operations that are rounded exactly are used, never
/// <random>'s distributions or the C library's transcendental functions. Callers draw one number in
/// a statement: the order in which a call's arguments are evaluated is the compiler's choice.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace tocsin::api {
/// xoshiro256++ 1.0 (Blackman, Vigna 2019), its state filled by splitmix64.
class StreamRandom {
 public:
  explicit StreamRandom(std::uint64_t seed);

  /// 64 random bits.
  std::uint64_t bits() {
    const std::uint64_t result = rotated(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotated(state_[3], 45);
    return result;
  }
  /// From 0 to `limit` - 1. Requires limit > 0; what it prefers is below one part in 2^32.
  std::uint32_t below(std::uint32_t limit) {
    return static_cast<std::uint32_t>((bits() >> 32) * limit >> 32);
  }
  /// From `low` to `high`, both included. Requires low <= high.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    const auto count = static_cast<std::uint64_t>(high - low) + 1;
    __extension__ using Wide = unsigned __int128;
    return low + static_cast<std::int64_t>(static_cast<std::uint64_t>(Wide{bits()} * count >> 64));
  }
  /// True `per_thousand` times in a thousand.
  bool chance(std::uint32_t per_thousand) { return below(1000) < per_thousand; }
  /// From 0 to just below 1, a multiple of 2^-53.
  double unit() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }
  /// Exponentially distributed with mean 1.
  double exponential();

 private:
  static std::uint64_t rotated(std::uint64_t value, int by) {
    return value << by | value >> (64 - by);
  }

  std::uint64_t state_[4];
};

/// A well-mixed number for `value`, always the same one (splitmix64's finalizer).
std::uint64_t mixed(std::uint64_t value);

/// Draws indices with given weights in constant time (Walker 1977, Vose 1991).
class WeightedChoice {
 public:
  /// Requires at least one weight, less than 2^32 of them, all finite and > 0.
  explicit WeightedChoice(std::span<const double> weights);
  std::uint32_t draw(StreamRandom& random) const {
    const std::uint64_t bits = random.bits();
    const auto index = static_cast<std::uint32_t>((bits >> 32) * cells_.size() >> 32);
    const Cell& cell = cells_[index];
    return static_cast<std::uint32_t>(bits) < cell.own_share ? index : cell.other;
  }

 private:
  struct Cell {
    std::uint32_t own_share;  // of 2^32
    std::uint32_t other;
  };
  std::vector<Cell> cells_;
};
}  // namespace tocsin::api

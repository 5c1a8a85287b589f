/// Exact sums of floats, decimals and ints, and of their squares: fixed point numbers of as many
/// bits as they need (U. Kulisch, "Computer Arithmetic and Validity"; here with only the limbs that
/// values have reached). What was added can be taken away again, and nothing depends on the order:
/// the sum of a window is the correctly rounded sum of what is in it.
#pragma once
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "cep/value/decimal.h"

namespace tocsin::cep {
/// An integer of any size, in units that its users choose. Adding takes constant time but for
/// carries; its limbs span from the least to the greatest bit ever added.
class ExactSum {
 public:
  explicit ExactSum(std::pmr::memory_resource* memory = std::pmr::get_default_resource())
      : limbs_(memory) {}
  __extension__ typedef unsigned __int128 Magnitude;
  /// Adds magnitude * 2^shift, or takes it away.
  void add(Magnitude magnitude, std::uint32_t shift, bool negative);
  /// Adds `sign` (1 or -1) times another sum in the same units.
  void add(const ExactSum& other, int sign);
  void clear();
  /// The magnitude's limbs of 64 bits, least first, from bit 64 * low() on, without zeros at the
  /// top; empty for zero.
  std::vector<std::uint64_t> magnitude() const;
  std::uint32_t low() const { return low_; }
  bool is_negative() const { return !limbs_.empty() && (limbs_.back() >> 63) != 0; }

 private:
  void reach(std::uint32_t first, std::uint32_t count);
  void trim();

  // Two's complement; the last limb carries the sign.
  std::pmr::vector<std::uint64_t> limbs_;
  std::uint32_t low_ = 0;  // the place of limbs_[0]
};

/// Adds `sign` (1 or -1) times a finite float, in units of 2^-1074.
void add_real(ExactSum& sum, double value, int sign);
/// Its square, in units of 2^-2148.
void add_real_square(ExactSum& sum, double value, int sign);
/// Adds `sign` times a number of up to 64 bits, in units of 1, and its square.
void add_number(ExactSum& sum, Int128 value, int sign);
void add_number_square(ExactSum& sum, Int128 value, int sign);
/// A sum in units of 2^-1074 as the nearest float, half to even; infinite beyond their range.
double nearest_real(const ExactSum& sum);

/// The standard deviation of `count` > 0 values from their exact sum and sum of squares: the square
/// root of the variance, each rounded once. `unit` is kRealUnit for sums of floats, 0 for those of
/// numbers, whose values then have `scale` digits after the point. `sample`: divided by count - 1,
/// which needs two values; else by count. Infinite beyond the range of floats.
inline constexpr int kRealUnit = 1074;
double standard_deviation(const ExactSum& sum, const ExactSum& squares, std::uint64_t count,
                          bool sample, int unit, int scale);
/// Whether `count` values can have this sum and this sum of squares, as standard_deviation()
/// requires.
bool are_moments(const ExactSum& sum, const ExactSum& squares, std::uint64_t count);
}  // namespace tocsin::cep

/// Shannon's entropy of values that are counted: of n values, of which c are equal for each of the
/// different ones, log2 n - (sum of c log2 c) / n bits. The terms are whole numbers in units of
/// 2^-80, so that values come and go in any order and leave no trace, and reading takes constant
/// time.
#pragma once
#include <cstdint>

namespace tocsin::cep {
class EntropySum {
 public:
  /// A value is there `after` times, it was `before` times.
  void change(std::uint64_t before, std::uint64_t after);
  /// In bits, over `count` > 0 values: 0 where all are equal.
  double bits(std::uint64_t count) const;

 private:
  // Wraps around: what counts is the difference to the whole. It fits below 2^40 values.
  __extension__ typedef unsigned __int128 Sum;
  Sum sum_ = 0;  // of c log2 c
};
}  // namespace tocsin::cep

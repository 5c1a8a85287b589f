/// Sets of code points, as the classes of regular expressions are.
#pragma once
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace tocsin::cep {
/// A set of code points.
class CodePointSet {
 public:
  static constexpr std::int32_t kLargest = 0x10FFFF;

  void add(std::int32_t first, std::int32_t last) { ranges_.emplace_back(first, last); }
  void add(const CodePointSet& other);
  /// What is in it also in its other cases: `k` brings K and the Kelvin sign.
  void add_other_cases();
  /// All code points that are not in it.
  void invert();
  /// To be called after the last change, before has().
  void finish();
  bool has(std::int32_t point) const;
  /// Marks the bytes with which the UTF-8 of a member may begin; from above.
  void mark_first_bytes(std::array<bool, 256>& bytes) const;

 private:
  void normalize();

  std::vector<std::pair<std::int32_t, std::int32_t>> ranges_;  // ascending once normalized
  std::array<bool, 128> ascii_{};
};
}  // namespace tocsin::cep

/// How many different values there were, where they are too many to keep: HyperLogLog with 2^15
/// registers (Flajolet et al. 2007) and the estimator of O. Ertl ("New cardinality estimation
/// algorithms for HyperLogLog sketches", 2017). The standard error is 0.6 %; equal values in any
/// order give equal bits.
#pragma once
#include <array>
#include <cstdint>
#include <memory_resource>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"

namespace tocsin::cep {
class DistinctSketch {
 public:
  explicit DistinctSketch(std::pmr::memory_resource* memory);
  /// Adds a value by its hash.
  void add(std::uint64_t hash);
  /// Rounded to an integer.
  std::uint64_t estimate() const;
  void save(ByteWriter& to) const;
  /// Into an empty one; false for what save() did not write.
  bool restore(ByteReader& from);

 private:
  static constexpr int kBits = 15;
  static constexpr std::size_t kRegisters = std::size_t{1} << kBits;
  static constexpr int kRankMax = 64 - kBits + 1;
  std::pmr::vector<std::uint8_t> registers_;
  std::array<std::uint32_t, kRankMax + 1> histogram_{};  // registers by what they hold
};
/// The hash of a value: the same in every run.
std::uint64_t sketch_hash(std::int64_t word);
std::uint64_t sketch_hash(std::string_view text);
}  // namespace tocsin::cep

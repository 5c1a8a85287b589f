/// Percentiles by the nearest rank: exact up to a stated number of values, and by a sketch beyond
/// it.
#pragma once
#include <cstdint>
#include <memory_resource>
#include <utility>
#include <vector>

#include "cep/base/byte_codec.h"

namespace tocsin::cep {
/// So many values are kept as they are; `distinct` of a window that only grows too.
inline constexpr std::uint64_t kExactValuesMax = 1'024;

/// The rank, from 1, of the value that is the `percent`th percentile (0 < percent <= 100) of
/// `count` > 0 values: the least rank that at least that share of them does not exceed.
std::uint64_t nearest_rank(double percent, std::uint64_t count);

/// Counts values in buckets, 64 for each doubling (the idea of DDSketch, Masson et al., VLDB 2019,
/// with buckets by the bits of the float): what it gives is the middle of a bucket, within 0.8 % of
/// the value. Equal values in any order give equal bits, and values can be taken away again.
class QuantileSketch {
 public:
  explicit QuantileSketch(std::pmr::memory_resource* memory) : buckets_(memory) {}
  void add(double value);
  /// Requires that it was added.
  void remove(double value);
  void add(const QuantileSketch& other);
  void remove(const QuantileSketch& other);
  /// The value of a rank, 1 to the number of values.
  double value_at(std::uint64_t rank) const;
  bool empty() const { return buckets_.empty(); }
  void save(ByteWriter& to) const;
  /// Into an empty one, of `count` values; false for what save() did not write.
  bool restore(ByteReader& from, std::uint64_t count);
  void clear();

 private:
  using Bucket = std::pair<std::int32_t, std::uint64_t>;  // place, how many
  void change(std::int32_t bucket, std::uint64_t by, bool add);
  std::pmr::vector<Bucket> buckets_;  // ascending
};
}  // namespace tocsin::cep

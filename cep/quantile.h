/// Percentiles by the nearest rank.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tocsin::cep {
/// The rank, from 1, of the value that is the `percent`th percentile (0 < percent <= 100) of
/// `count` > 0 values: the least rank that at least that share of them does not exceed.
inline std::uint64_t nearest_rank(double percent, std::uint64_t count) {
  const double rank = std::ceil(percent * static_cast<double>(count) / 100.0);
  return std::clamp<std::uint64_t>(rank < 1 ? 1 : static_cast<std::uint64_t>(rank), 1, count);
}
}  // namespace tocsin::cep

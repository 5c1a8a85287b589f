/// Aggregates over a variable's events that are kept up to date in the general matcher's nodes, so
/// that asking one at each event of a long loop costs the same as asking it once: count, sum, avg,
/// min and max of exact numbers and times of the events themselves.
#pragma once
#include <cstdint>

#include "cep/compile/pattern_program.h"
#include "cep/record/pattern_state.h"

namespace tocsin::cep {
/// What a node keeps of one aggregate, over the variable's events up to it.
struct LoopTotal {
  std::int64_t count = 0;
  std::uint64_t low = 0;  // of the sum, the least or the greatest value: 128 bits
  std::uint64_t high = 0;
  std::uint64_t lost = 0;  // not 0: it left what is kept; the events are asked one by one

  Int128 number() const {
    return static_cast<Int128>(static_cast<unsigned __int128>(high) << 64 | low);
  }
  void put(Int128 number) {
    low = static_cast<std::uint64_t>(number);
    high = static_cast<std::uint64_t>(static_cast<unsigned __int128>(number) >> 64);
  }
};
inline constexpr std::uint32_t kLoopTotalWords = sizeof(LoopTotal) / 8;

/// Words of a node.
inline std::uint32_t node_words(const PatternProgram& pattern) {
  return kPatternNodeWords + pattern.slot_count +
         static_cast<std::uint32_t>(pattern.totals.size()) * kLoopTotalWords +
         (pattern.keeps_clear ? 1U : 0U);
}
/// Where a node keeps since when it is known that none of its events was taken, if it keeps that
/// (cep/record/taken_log.h).
inline Offset clear_place(const PatternProgram& pattern, Offset node) {
  return node + node_words(pattern) - 1;
}
/// Where a node keeps total `index`.
inline Offset total_place(const PatternProgram& pattern, Offset node, std::uint32_t index) {
  return node + kPatternNodeWords + pattern.slot_count + index * kLoopTotalWords;
}
}  // namespace tocsin::cep

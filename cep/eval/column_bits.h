/// Bits of a test over a whole column: one for each entry, the first in the lowest bit of the first
/// word. The same loops for each kind of processor; all give the same bits.
#pragma once
#include <cstdint>
#include <span>

namespace tocsin::cep {
/// How many entries an instruction compares.
enum class ColumnLanes : std::uint8_t { kOne, kAvx2, kAvx512 };

/// A column has `rows` entries; what is not known has a 0 in `known`, else there is a 1. `out` has
/// a word for each 64 entries begun; bits behind the last entry become 0.
struct ColumnBits {
  using Known = void (*)(const std::uint8_t* known, std::uint32_t rows, bool is_known,
                         std::uint64_t* out);
  using Range = void (*)(const std::uint8_t* known, const std::int64_t* words, std::uint32_t rows,
                         std::int64_t low, std::int64_t high, bool is_inside, std::uint64_t* out);
  using Equal = void (*)(const std::uint8_t* known, const std::int64_t* words, std::uint32_t rows,
                         std::span<const std::int64_t> values, bool is_equal, std::uint64_t* out);
  /// Whether the entry is known, or not.
  Known known;
  /// Whether it is known and low <= word <= high, or known and not so.
  Range range;
  /// Whether it is known and equal to one of a few values, or known and to none.
  Equal equal;
};
/// Null where this processor cannot do it.
const ColumnBits* column_bits(ColumnLanes lanes);
/// The widest that it can.
const ColumnBits& column_bits();
}  // namespace tocsin::cep

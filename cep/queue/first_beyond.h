/// Which row of a queue is the first whose values are all small, or large, enough.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cep/queue/best_blocks.h"
#include "cep/queue/ring.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Rows of numbers, times or durations with the places of a Ring's elements; none is text.
///
/// Blocks of 64 and of 4,096 rows know the best value of each side (BestBlocks), which says whether
/// the block can have such a row. Where a row has several values, they also know their rows in the
/// order of the first one, and whether each other value rises or falls with it. Where it does in
/// all of a block (`amount` and `0.9 * amount`), binary searches say whether the block has such a
/// row; else the rows may have to be looked at. A question costs as one to BestBlocks. A row that
/// is added costs constant time, but where it has several values a binary search, and the numbers
/// behind it in each block move.
class FirstBeyond {
 public:
  /// Values are asked for that are less than a bound; with `greater`, greater than it; with
  /// `or_equal`, or equal to it.
  struct Side {
    bool greater = false;
    bool or_equal = false;
  };
  explicit FirstBeyond(const std::vector<Side>& sides);
  /// A value for each side. A row with a missing value is never one that is asked for.
  void push(std::span<const Value> row);
  void pop();
  /// The first place of [from, to) of which each value is beyond its bound; `to` where there is
  /// none.
  std::uint64_t first(std::uint64_t from, std::uint64_t to, std::span<const Value> bounds) const;
  std::size_t bytes() const;

 private:
  static constexpr std::size_t kLevels = 2;
  struct Better {
    bool greater;
    void operator()(Value& best, const Value& other) const;
  };
  using Values = BestBlocks<Value, Better>;
  struct Column {
    Side side;
    Values values;
    bool is_beyond(const Value& value, const Value& bound) const;
    const Value& at(std::uint64_t place) const { return values.at({0, place}); }
  };
  // How a side's values go in the order of first values.
  struct Along {
    bool rises = true;  // or stays
    bool falls = true;
  };
  struct Block {
    std::vector<std::uint16_t> order;  // places within the block, by the first of several values
    std::vector<Along> sides;
  };

  bool is_beyond_all(std::uint64_t place, std::span<const Value> bounds) const;
  void add(Block& block, std::uint64_t begin, std::uint64_t place);
  void meet(Along& along, const Column& column, std::uint64_t before, std::uint64_t after) const;
  bool may_have(unsigned level, std::uint64_t number, std::span<const Value> bounds) const;

  std::vector<Column> columns_;
  std::array<Ring<Block>, kLevels> levels_;  // of several columns
};
}  // namespace tocsin::cep

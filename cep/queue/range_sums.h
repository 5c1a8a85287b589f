/// Which range of a queue of numbers has a large enough sum.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "cep/queue/best_blocks.h"
#include "cep/queue/ring.h"
#include "cep/value/int128.h"

namespace tocsin::cep {
/// Numbers with the places of a Ring's elements, of which no sum overflows, and their ranges of at
/// least so many elements. A range is told by its beginning and by what its sum is made of: the sum
/// of all numbers up to its end less that of those before it. Blocks know the greatest of the one,
/// the least of the other, and the greatest difference of two that make a range; so a search costs
/// as in BestBlocks.
class RangeSums {
 public:
  /// Elements [begin, end).
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  /// Whether a sum is large enough; true for all larger ones too.
  using IsEnough = std::function<bool(Int128)>;

  /// `least` is at least 1.
  explicit RangeSums(std::uint64_t least) : least_(least), blocks_(Join{}) {}
  void push(Int128 number);
  void pop();
  void pop_back();
  /// Of the ranges within [from, to) with a large enough sum, those that begin first, and of these
  /// the one that ends last.
  std::optional<Range> first(std::uint64_t from, std::uint64_t to, const IsEnough& is_enough) const;
  /// Where the first of those begins that end at `to`.
  std::optional<std::uint64_t> first_up_to(std::uint64_t from, std::uint64_t to,
                                           const IsEnough& is_enough) const;
  std::size_t bytes() const { return blocks_.bytes() + sums_.size() * sizeof(Int128); }

 private:
  // Of ranges that begin in a block, by where they begin.
  struct Sums {
    Int128 most = 0;      // up to the end of the shortest range of one of them
    Int128 least = 0;     // before one of them
    Int128 greatest = 0;  // of the differences
    bool is_there = false;
  };
  struct Join {
    void operator()(Sums& sums, const Sums& behind) const;
  };
  using Block = BestBlocks<Sums, Join>::Block;
  std::uint64_t begin_of_first(std::vector<Block> blocks, const IsEnough& is_enough) const;

  std::uint64_t least_;
  Ring<Int128> sums_;  // of all up to each, and of what has left
  Int128 before_ = 0;  // the first
  BestBlocks<Sums, Join> blocks_;
};
}  // namespace tocsin::cep

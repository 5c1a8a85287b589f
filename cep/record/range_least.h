/// The least or the greatest number of a range of a queue.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "cep/record/ring.h"
#include "cep/value/int128.h"

namespace tocsin::cep {
/// Numbers with the places of a Ring's elements, some of them absent. Beside the numbers stand the
/// best of each block of 64 and of each block of 4,096, so that a push and a pop take constant
/// time, never a rebuilding of all, and a question looks at 256 numbers and one for each 4,096.
class RangeLeast {
 public:
  /// With `greatest`, the greatest instead of the least.
  explicit RangeLeast(bool greatest) : greatest_(greatest) {}
  void push(std::optional<Int128> number);
  void pop();
  void pop_back();
  /// Of places [from, to), all of which are there; absent where none of them has a number.
  std::optional<Int128> of(std::uint64_t from, std::uint64_t to) const;
  /// The first place of [from, to) with this number, which is the best of all from there on up to
  /// `to`, or absent; `to` where there is none.
  std::uint64_t next(std::uint64_t from, std::uint64_t to, Int128 best) const;
  std::size_t bytes() const {
    return (levels_[0].size() + levels_[1].size() + levels_[2].size()) * sizeof(Number);
  }

 private:
  static constexpr unsigned kBits = 6;  // of a place within its block
  struct Number {
    Int128 number = 0;
    bool is_there = false;
  };
  void take(Number& best, const Number& other) const;

  bool greatest_;
  std::array<Ring<Number>, 3> levels_;  // numbers, then the best of blocks
};
}  // namespace tocsin::cep

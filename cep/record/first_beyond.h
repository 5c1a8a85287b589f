/// Which value of a queue is the first that is small, or large, enough.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "cep/record/ring.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Numbers, times or durations with the places of a Ring's elements; none is text. Beside the
/// values stand the best of each block of 64 and of each block of 4,096, so that a push and a pop
/// take constant time and a question looks at 256 values and one for each 4,096.
class FirstBeyond {
 public:
  /// Values are asked for that are less than a bound; with `greater`, greater than it; with
  /// `or_equal`, or equal to it.
  FirstBeyond(bool greater, bool or_equal) : greater_(greater), or_equal_(or_equal) {}
  /// A missing value is never one that is asked for.
  void push(Value value);
  void pop();
  void pop_back();
  /// The first place of [from, to) whose value is beyond the bound; `to` where there is none.
  std::uint64_t first(std::uint64_t from, std::uint64_t to, const Value& bound) const;
  std::size_t bytes() const {
    return (levels_[0].size() + levels_[1].size() + levels_[2].size()) * sizeof(Value);
  }

 private:
  static constexpr unsigned kBits = 6;  // of a place within its block
  bool is_beyond(const Value& value, const Value& bound) const;
  void take(Value& best, const Value& other) const;

  bool greater_;
  bool or_equal_;
  std::array<Ring<Value>, 3> levels_;  // values, then the best of blocks
};
}  // namespace tocsin::cep

/// Which value of a queue is the first that is small, or large, enough.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cep/queue/best_blocks.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Numbers, times or durations with the places of a Ring's elements; none is text. Costs as
/// BestBlocks.
class FirstBeyond {
 public:
  /// Values are asked for that are less than a bound; with `greater`, greater than it; with
  /// `or_equal`, or equal to it.
  FirstBeyond(bool greater, bool or_equal)
      : greater_(greater), or_equal_(or_equal), blocks_(Better{greater}) {}
  /// A missing value is never one that is asked for.
  void push(Value value);
  void pop() { blocks_.pop(); }
  void pop_back() { blocks_.pop_back(); }
  /// The first place of [from, to) whose value is beyond the bound; `to` where there is none.
  std::uint64_t first(std::uint64_t from, std::uint64_t to, const Value& bound) const;
  std::size_t bytes() const { return blocks_.bytes(); }

 private:
  struct Better {
    bool greater;
    void operator()(Value& best, const Value& other) const;
  };

  bool greater_;
  bool or_equal_;
  BestBlocks<Value, Better> blocks_;
};
}  // namespace tocsin::cep

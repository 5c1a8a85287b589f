/// An aggregate over the events of a match's loop or of a window that closes, one value after the
/// other. Sums of floats are exact and rounded once, as those of features are.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/aggregate/exact_sum.h"
#include "cep/plan/expr.h"
#include "cep/value/value.h"

namespace tocsin::cep {
class LoopAggregate {
 public:
  /// `argument`: the type of the values; absent for count, which counts events instead. Requires
  /// AggregateTraits::of_loops.
  LoopAggregate(Aggregate aggregate, const Type* argument);
  /// Takes an event, with its value; a missing one does not count where there is an argument.
  void add(const Value& value);
  Value value() const;

 private:
  Aggregate aggregate_;
  Type type_;
  std::int64_t count_ = 0;
  Value chosen_;      // min, max, first, last
  Int128 total_ = 0;  // sum, avg of exact numbers and durations
  bool overflowed_ = false;
  ExactSum sum_;  // of floats; stddev
  ExactSum squares_;
  std::vector<Value> values_;  // all of them, where the aggregate needs them at the end
};
}  // namespace tocsin::cep

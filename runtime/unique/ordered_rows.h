/// Rows once they are in order: repeats of `unique` ids are left out, and equal events numbered.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

#include "cep/data/batch.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"
#include "runtime/unique/equal_numbers.h"
#include "runtime/unique/unique_filter.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class OrderedRows {
 public:
  /// As UniqueFilter has them.
  OrderedRows(const cep::Plan& plan, std::size_t ids_max, std::uint64_t hash_seed)
      : unique_(plan, ids_max, hash_seed), equal_numbers_(plan) {}
  /// Slices come in order; no later one has a row before `time`. Gives how many rows were repeats
  /// and tells `repeated`, where there is one, of each.
  std::uint64_t take(cep::Batch& slice, cep::EventTime time,
                     const std::function<void(cep::ArrivalNumber)>& repeated = {}) {
    const std::uint64_t repeats = unique_.drop_repeats(slice, repeated);
    unique_.forget_until(time);
    equal_numbers_.assign(slice);
    return repeats;
  }
  UniqueFilter& unique() { return unique_; }
  const UniqueFilter& unique() const { return unique_; }
  EqualNumbers& equal_numbers() { return equal_numbers_; }

 private:
  UniqueFilter unique_;
  EqualNumbers equal_numbers_;
};
}  // namespace tocsin::runtime

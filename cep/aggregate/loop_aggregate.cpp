#include "cep/aggregate/loop_aggregate.h"

#include <algorithm>

#include "cep/aggregate/entropy.h"
#include "cep/base/assert.h"
#include "cep/value/int128.h"

namespace tocsin::cep {
namespace {
Value duration_of(Int128 us) {
  return fits_64(us) ? Value::duration({static_cast<std::int64_t>(us)}) : Value::missing();
}

struct Counted {
  Value value;  // as it came first
  std::uint64_t times = 0;
};
// The different values, ascending.
std::vector<Counted> counts_of(std::vector<Value> values) {
  std::ranges::stable_sort(
      values, [](const Value& a, const Value& b) { return compare(a, b) == Ordering::kLess; });
  std::vector<Counted> counts;
  for (const Value& value : values) {
    if (counts.empty() || !same_value(counts.back().value, value)) counts.push_back({value, 0});
    ++counts.back().times;
  }
  return counts;
}
}  // namespace

LoopAggregate::LoopAggregate(Aggregate aggregate, const Type* argument)
    : aggregate_(aggregate), type_(argument != nullptr ? *argument : Type{}) {}

void LoopAggregate::add(const Value& value) {
  if (aggregate_ == Aggregate::kCount) {
    ++count_;
    return;
  }
  if (value.is_missing()) return;
  ++count_;
  switch (aggregate_) {
    case Aggregate::kSum:
    case Aggregate::kAvg:
      if (type_.kind == TypeKind::kFloat) {
        add_real(sum_, value.real, 1);
      } else if (__builtin_add_overflow(total_, value.number, &total_)) {
        overflowed_ = true;
      }
      break;
    case Aggregate::kStddev:
    case Aggregate::kStddevPop:
      if (type_.kind == TypeKind::kFloat) {
        add_real(sum_, value.real, 1);
        add_real_square(squares_, value.real, 1);
      } else if (fits_64(value.number)) {
        add_number(sum_, value.number, 1);
        add_number_square(squares_, value.number, 1);
      } else {
        overflowed_ = true;
      }
      break;
    case Aggregate::kMin:
      if (chosen_.is_missing() || compare(value, chosen_) == Ordering::kLess) chosen_ = value;
      break;
    case Aggregate::kMax:
      if (chosen_.is_missing() || compare(value, chosen_) == Ordering::kGreater) chosen_ = value;
      break;
    case Aggregate::kFirst:
      if (chosen_.is_missing()) chosen_ = value;
      break;
    case Aggregate::kLast:
      chosen_ = value;
      break;
    case Aggregate::kDistinct:
    case Aggregate::kMode:
    case Aggregate::kEntropy:
      values_.push_back(value);
      break;
    default:
      TOCSIN_ASSERT(false, "the checker knows which aggregates are of loops");
  }
}

Value LoopAggregate::value() const {
  const bool is_real = type_.kind == TypeKind::kFloat;
  switch (aggregate_) {
    case Aggregate::kCount:
      return Value::integer(count_);
    case Aggregate::kDistinct: {
      std::vector<Value> sorted = values_;
      std::sort(sorted.begin(), sorted.end(),
                [](const Value& a, const Value& b) { return compare(a, b) == Ordering::kLess; });
      return Value::integer(std::unique(sorted.begin(), sorted.end(), same_value) - sorted.begin());
    }
    case Aggregate::kMode:
      if (values_.empty()) return Value::missing();
      return std::ranges::max(counts_of(values_), {}, &Counted::times).value;  // the first of them
    case Aggregate::kEntropy: {
      if (values_.empty()) return Value::missing();
      EntropySum sum;
      for (const Counted& counted : counts_of(values_)) sum.change(0, counted.times);
      return Value::floating(sum.bits(values_.size()));
    }
    case Aggregate::kSum:
    case Aggregate::kAvg: {
      const bool is_sum = aggregate_ == Aggregate::kSum;
      if (overflowed_ || (count_ == 0 && !is_sum)) return Value::missing();
      if (type_.kind == TypeKind::kDuration) {
        if (is_sum) return duration_of(total_);
        const auto mean = divide_half_even(total_, count_, 0);
        return mean ? duration_of(*mean) : Value::missing();
      }
      const Value sum = is_real                            ? Value::floating(nearest_real(sum_))
                        : type_.kind == TypeKind::kDecimal ? Value::decimal(total_, type_.scale)
                                                           : Value::integer(total_);
      return is_sum ? sum : divide(sum, Value::integer(count_));
    }
    case Aggregate::kStddev:
    case Aggregate::kStddevPop: {
      const bool sample = aggregate_ == Aggregate::kStddev;
      if (overflowed_ || count_ < (sample ? 2 : 1)) return Value::missing();
      return Value::floating(standard_deviation(
          sum_, squares_, static_cast<std::uint64_t>(count_), sample, is_real ? kRealUnit : 0,
          type_.kind == TypeKind::kDecimal ? type_.scale : 0));
    }
    default:
      return chosen_;
  }
}
}  // namespace tocsin::cep

#include "tests/support/oracle_aggregate.h"

#include <algorithm>
#include <limits>

#include "cep/aggregate/exact_sum.h"
#include "cep/aggregate/quantile.h"
#include "cep/base/assert.h"
#include "cep/value/decimal.h"
#include "cep/value/real_math.h"

namespace tocsin::oracle {
using cep::Aggregate;
using cep::Int128;
using cep::Ordering;
using cep::TypeKind;
using cep::Value;
using cep::ValueKind;

namespace {
Value duration_of(Int128 us) {
  if (us > std::numeric_limits<std::int64_t>::max() ||
      us < std::numeric_limits<std::int64_t>::min()) {
    return Value::missing();
  }
  return Value::duration({static_cast<std::int64_t>(us)});
}

double exact_sum_of_reals(const std::vector<Value>& values) {
  cep::ExactSum sum;
  for (const Value& value : values) cep::add_real(sum, value.real, 1);
  return cep::nearest_real(sum);
}

Value sum(const cep::Type& type, const std::vector<Value>& values) {
  if (values.empty()) {
    switch (type.kind) {
      case TypeKind::kFloat:
        return Value::floating(0);
      case TypeKind::kDecimal:
        return Value::decimal(0, type.scale);
      case TypeKind::kDuration:
        return Value::duration({0});
      default:
        return Value::integer(0);
    }
  }
  if (values.front().kind == ValueKind::kFloat) return Value::floating(exact_sum_of_reals(values));
  Int128 total = 0;
  for (const Value& value : values) {
    TOCSIN_ASSERT(value.kind == values.front().kind && value.scale == values.front().scale,
                  "one argument has one type");
    total += value.number;
  }
  switch (values.front().kind) {
    case ValueKind::kInt:
      return Value::integer(total);
    case ValueKind::kDecimal:
      return Value::decimal(total, values.front().scale);
    case ValueKind::kDuration:
      return duration_of(total);
    default:
      break;
  }
  TOCSIN_ASSERT(false, "sums are of numbers and durations");
}

Value average(const std::vector<Value>& values) {
  if (values.empty()) return Value::missing();
  const auto count = static_cast<Int128>(values.size());
  if (values.front().kind == ValueKind::kFloat) {
    return Value::floating(exact_sum_of_reals(values) / static_cast<double>(values.size()));
  }
  if (values.front().kind == ValueKind::kDuration) {
    Int128 total = 0;
    for (const Value& value : values) total += value.number;
    return duration_of(*cep::divide_half_even(total, count, 0));
  }
  Int128 total = 0;
  for (const Value& value : values) total += value.number;
  return divide(values.front().kind == ValueKind::kInt
                    ? Value::integer(total)
                    : Value::decimal(total, values.front().scale),
                Value::integer(count));
}

Value deviation(const std::vector<Value>& values, bool sample) {
  if (values.empty() || (sample && values.size() < 2)) return Value::missing();
  const bool real = values.front().kind == ValueKind::kFloat;
  cep::ExactSum total;
  cep::ExactSum squares;
  for (const Value& value : values) {
    if (real) {
      cep::add_real(total, value.real, 1);
      cep::add_real_square(squares, value.real, 1);
    } else {
      cep::add_number(total, value.number, 1);
      cep::add_number_square(squares, value.number, 1);
    }
  }
  return Value::floating(cep::standard_deviation(total, squares, values.size(), sample,
                                                 real ? cep::kRealUnit : 0,
                                                 real ? 0 : values.front().scale));
}

Value distinct(const std::vector<Value>& values) {
  std::vector<Value> seen;
  for (const Value& value : values) {
    if (std::none_of(seen.begin(), seen.end(),
                     [&](const Value& other) { return same_value(value, other); })) {
      seen.push_back(value);
    }
  }
  return Value::integer(static_cast<Int128>(seen.size()));
}

// The value that most others equal; of several the least.
Value most_frequent(const std::vector<Value>& values) {
  Value best = Value::missing();
  std::ptrdiff_t most = 0;
  for (const Value& value : values) {
    const auto times = std::count_if(values.begin(), values.end(),
                                     [&](const Value& other) { return same_value(value, other); });
    if (times > most || (times == most && compare(value, best) == Ordering::kLess)) {
      best = value;
      most = times;
    }
  }
  return best;
}

// With 113 bits, so that rounding to a float is the only rounding that shows.
__extension__ typedef __float128 Wide;
// ln of a number from 1 to 2, by the series of atanh.
Wide wide_ln_near_1(Wide x) {
  const Wide s = (x - 1) / (x + 1);
  Wide power = s;
  Wide sum = 0;
  for (int i = 1; i < 90; i += 2) {
    sum += power / i;
    power *= s * s;
  }
  return 2 * sum;
}
// log2 of a share above 0, up to 1.
Wide wide_log2(Wide share) {
  int doublings = 0;
  for (; share < 1; share *= 2) ++doublings;
  return wide_ln_near_1(share) / wide_ln_near_1(2) - doublings;
}

// - sum of p log2 p over the different values, where p is the share of the values that equal one.
Value entropy(std::vector<Value> values) {
  if (values.empty()) return Value::missing();
  const auto count = static_cast<Wide>(values.size());
  Wide bits = 0;
  while (!values.empty()) {
    const Value first = values.front();
    const auto equal = std::erase_if(values, [&](const Value& v) { return same_value(v, first); });
    const Wide share = static_cast<Wide>(equal) / count;
    bits -= share * wide_log2(share);
  }
  return Value::floating(static_cast<double>(bits));
}

Value extreme(const std::vector<Value>& values, Ordering wanted) {
  if (values.empty()) return Value::missing();
  Value best = values.front();
  for (const Value& value : values) {
    if (compare(value, best) == wanted) best = value;
  }
  return best;
}

Value percentile(std::vector<Value> values, double percent) {
  if (values.empty()) return Value::missing();
  std::stable_sort(values.begin(), values.end(),
                   [](const Value& a, const Value& b) { return compare(a, b) == Ordering::kLess; });
  return values[cep::nearest_rank(percent, values.size()) - 1];
}

Value moving_average(const std::vector<Value>& values, const std::vector<cep::EventTime>& times,
                     const AggregateOptions& options) {
  if (values.empty()) return Value::missing();
  double average = to_float(values.front()).real;
  for (std::size_t i = 1; i < values.size(); ++i) {
    double weight = options.weight.value_or(0);
    if (options.half_life) {
      const cep::Duration gap = times[i] - times[i - 1];
      const double halvings =
          static_cast<double>(gap.us) / static_cast<double>(options.half_life->us);
      weight = 1 - cep::real_exp2(-halvings);
    }
    average = weight * to_float(values[i]).real + (1 - weight) * average;
  }
  return Value::floating(average);
}
}  // namespace

Value aggregate(Aggregate kind, const cep::Type& type, const std::vector<Value>& values,
                const std::vector<cep::EventTime>& times, const AggregateOptions& options) {
  switch (kind) {
    case Aggregate::kCount:
      return Value::integer(static_cast<Int128>(values.size()));
    case Aggregate::kSum:
      return sum(type, values);
    case Aggregate::kAvg:
      return average(values);
    case Aggregate::kMin:
      return extreme(values, Ordering::kLess);
    case Aggregate::kMax:
      return extreme(values, Ordering::kGreater);
    case Aggregate::kDistinct:
      return distinct(values);
    case Aggregate::kStddev:
      return deviation(values, true);
    case Aggregate::kStddevPop:
      return deviation(values, false);
    case Aggregate::kFirst:
      return values.empty() ? Value::missing() : values.front();
    case Aggregate::kLast:
      return values.empty() ? Value::missing() : values.back();
    case Aggregate::kEwma:
      return moving_average(values, times, options);
    case Aggregate::kPercentile:
      return percentile(values, options.percentile);
    case Aggregate::kMode:
      return most_frequent(values);
    case Aggregate::kEntropy:
      return entropy(values);
  }
  TOCSIN_ASSERT(false, "all aggregates stand above");
}
}  // namespace tocsin::oracle

#include "cep/aggregate/exact_sum.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cep/aggregate/quantile.h"
#include "cep/value/value.h"
#include "tests/support/random.h"

namespace tocsin::cep {
namespace {
using tests::Random;

double sum_of(const std::vector<double>& values) {
  ExactSum sum;
  for (const double value : values) add_real(sum, value, 1);
  return nearest_real(sum);
}

TEST_CASE("exact sum: nothing is lost between large and small values") {
  CHECK(sum_of({}) == 0);
  CHECK(sum_of({1e308, 1.0, -1e308}) == 1.0);
  CHECK(sum_of({1e308, 1e308, -1e308}) == 1e308);
  CHECK(std::isinf(sum_of({1e308, 1e308})));
  CHECK(std::isinf(sum_of({-1e308, -1e308})));
  CHECK(sum_of({5e-324, 5e-324, -5e-324}) == 5e-324);
  CHECK(sum_of({0.1, 0.2}) == 0.1 + 0.2);  // two values: the plain sum is the rounded one
  CHECK(sum_of(std::vector<double>(10, 0.1)) == 1.0);
  // Half way between two floats: to the even one; a bit more: up.
  CHECK(sum_of({9007199254740992.0, 1.0}) == 9007199254740992.0);
  CHECK(sum_of({9007199254740992.0, 1.0, 5e-324}) == 9007199254740994.0);
  CHECK(sum_of({-9007199254740992.0, -1.0, -5e-324}) == -9007199254740994.0);
}

TEST_CASE("exact sum: the order does not matter, and what is taken away leaves nothing") {
  tests::for_all_seeds("exact_sum", 200, [](Random& random) {
    std::vector<double> values;
    const std::size_t count = random.below(40) + 1;
    for (std::size_t i = 0; i < count; ++i) {
      const double mantissa = static_cast<double>(random.between(-1'000'000, 1'000'000)) + 0.37;
      values.push_back(std::ldexp(mantissa, static_cast<int>(random.between(-1060, 980))));
    }
    ExactSum sum;
    for (const double value : values) add_real(sum, value, 1);
    const double all = nearest_real(sum);
    std::vector<double> shuffled = values;
    for (std::size_t i = shuffled.size(); i > 1; --i) {
      std::swap(shuffled[i - 1], shuffled[random.below(i)]);
    }
    CHECK(sum_of(shuffled) == all);
    ExactSum other;
    for (const double value : shuffled) add_real(other, value, 1);
    const std::size_t cut = random.below(count + 1);
    for (std::size_t i = 0; i < cut; ++i) add_real(sum, values[i], -1);
    CHECK(nearest_real(sum) ==
          sum_of({values.begin() + static_cast<std::ptrdiff_t>(cut), values.end()}));
    other.add(sum, -1);  // leaves what was cut
    CHECK(nearest_real(other) ==
          sum_of({values.begin(), values.begin() + static_cast<std::ptrdiff_t>(cut)}));
    for (std::size_t i = cut; i < count; ++i) add_real(sum, values[i], -1);
    CHECK(sum.magnitude().empty());
  });
}

TEST_CASE("exact sum: equals the exact sum of fixed point numbers, rounded once") {
  tests::for_all_seeds("exact_sum", 200, [](Random& random) {
    ExactSum sum;
    Int128 exact = 0;  // in units of 2^-30
    const std::size_t count = random.below(60);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t units = random.between(-(std::int64_t{1} << 52), std::int64_t{1} << 52)
                                 << random.below(11);
      exact += units;
      add_real(sum, std::ldexp(static_cast<double>(units), -30), 1);
    }
    CHECK(nearest_real(sum) == to_float(Value::fraction(exact, Int128{1} << 30)).real);
  });
}

TEST_CASE("exact sum: the standard deviation is the root of the exact variance") {
  tests::for_all_seeds("exact_sum", 300, [](Random& random) {
    const int scale = static_cast<int>(random.below(4));
    const std::size_t count = random.below(20) + 2;
    ExactSum sum;
    ExactSum squares;
    ExactSum real_sum;
    ExactSum real_squares;
    Int128 total = 0;
    Int128 total_squares = 0;
    const std::int64_t range = random.below(2) == 0 ? 10 : 1'000'000'000;
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t value = random.between(-range, range);
      add_number(sum, value, 1);
      add_number_square(squares, value, 1);
      add_real(real_sum, static_cast<double>(value), 1);
      add_real_square(real_squares, static_cast<double>(value), 1);
      total += value;
      total_squares += Int128{value} * value;
    }
    const auto n = static_cast<Int128>(count);
    for (const bool sample : {true, false}) {
      const Int128 divisor = n * (sample ? n - 1 : n);
      const Int128 spread = n * total_squares - total * total;
      const double unscaled = std::sqrt(to_float(Value::fraction(spread, divisor)).real);
      CHECK(standard_deviation(real_sum, real_squares, count, sample, kRealUnit, 0) == unscaled);
      const double scaled =
          std::sqrt(to_float(Value::fraction(spread, divisor * power_of_ten(2 * scale))).real);
      CHECK(standard_deviation(sum, squares, count, sample, 0, scale) == scaled);
    }
  });
}

TEST_CASE("exact sum: deviations of extreme values") {
  ExactSum sum;
  ExactSum squares;
  for (const double value : {1e300, -1e300, 1e-300}) {
    add_real(sum, value, 1);
    add_real_square(squares, value, 1);
  }
  CHECK(std::isinf(standard_deviation(sum, squares, 3, true, kRealUnit, 0)));
  add_real(sum, 1e300, -1);
  add_real_square(squares, 1e300, -1);
  add_real(sum, -1e300, -1);
  add_real_square(squares, -1e300, -1);
  CHECK(standard_deviation(sum, squares, 1, false, kRealUnit, 0) == 0);
  ExactSum numbers;
  ExactSum number_squares;
  for (const std::int64_t value :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    add_number(numbers, value, 1);
    add_number_square(number_squares, value, 1);
  }
  CHECK(standard_deviation(numbers, number_squares, 2, false, 0, 0) == 9223372036854775808.0);
  CHECK(standard_deviation(numbers, number_squares, 2, false, 0, 9) ==
        doctest::Approx(9223372036.854775808));
}

TEST_CASE("quantile: the nearest rank") {
  CHECK(nearest_rank(95, 20) == 19);
  CHECK(nearest_rank(95, 21) == 20);
  CHECK(nearest_rank(100, 7) == 7);
  CHECK(nearest_rank(50, 1) == 1);
  CHECK(nearest_rank(50, 2) == 1);
  CHECK(nearest_rank(50, 3) == 2);
  CHECK(nearest_rank(0.001, 5) == 1);
  CHECK(nearest_rank(99.9, 1000) == 999);
}
}  // namespace
}  // namespace tocsin::cep

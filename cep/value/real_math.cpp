#include "cep/value/real_math.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>

#include "cep/value/decimal.h"
#include "cep/value/double_double.h"

namespace tocsin::cep {
namespace {
constexpr DoubleDouble kLn2{6.931471805599452862e-01, 2.319046813846299558e-17};
constexpr DoubleDouble kPi{3.141592653589793116e+00, 1.224646799147353207e-16};
constexpr DoubleDouble kHalfPi{1.570796326794896558e+00, 6.123233995736766036e-17};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

constexpr DoubleDouble whole(double x) { return {x, 0}; }
constexpr DoubleDouble kDegree = kPi / whole(180);

// 1/0!, 1/1!, …
constexpr auto kInverseFactorials = [] {
  std::array<DoubleDouble, 32> table{};
  table[0] = whole(1);
  for (std::size_t i = 1; i < table.size(); ++i) {
    table[i] = table[i - 1] / whole(static_cast<double>(i));
  }
  return table;
}();
// 1/1, 1/3, 1/5, …
constexpr std::size_t kOddNumbers = 24;
constexpr auto kInverseOddNumbers = [] {
  std::array<DoubleDouble, kOddNumbers> table{};
  for (std::size_t i = 0; i < kOddNumbers; ++i) {
    table[i] = whole(1) / whole(static_cast<double>(2 * i + 1));
  }
  return table;
}();

// e^x rounded to a double.
double exp_of(DoubleDouble x) {
  if (x.high > 709.79) return kInfinity;
  if (x.high < -745.2) return 0;
  const double k = std::nearbyint(x.high / kLn2.high);
  // |r| <= ln 2 / 2 / 256, so that ten terms are enough; e^r - 1 is then squared up eight times.
  constexpr int kSquarings = 8;
  constexpr std::size_t kTerms = 10;
  const DoubleDouble r = scaled(x - kLn2 * k, -kSquarings);
  DoubleDouble sum = kInverseFactorials[kTerms];
  for (std::size_t i = kTerms; i-- > 1;) sum = sum * r + kInverseFactorials[i];
  sum = sum * r;
  for (int i = 0; i < kSquarings; ++i) sum = sum * sum + scaled(sum, 1);
  const DoubleDouble result = sum + whole(1);
  return std::ldexp(result.high, static_cast<int>(k));
}

// ln x for finite x > 0.
DoubleDouble ln_of(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // 0.5 <= m < 1
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  // ln m = 2 atanh((m - 1) / (m + 1)); the argument is at most 0.172.
  const DoubleDouble s = whole(m - 1) / two_sum(m, 1);
  const DoubleDouble square = s * s;
  DoubleDouble sum = kInverseOddNumbers[kOddNumbers - 1];
  for (std::size_t i = kOddNumbers - 1; i-- > 0;) sum = sum * square + kInverseOddNumbers[i];
  return scaled(sum * s, 1) + kLn2 * static_cast<double>(exponent);
}

// An angle of a few turns at most, as a rest of |r| <= pi / 4 and a number of quarter turns.
struct Turned {
  DoubleDouble rest;
  int quarters = 0;
};
Turned turned(DoubleDouble x) {
  const double k = std::nearbyint(x.high / kHalfPi.high);
  return {x - kHalfPi * k, static_cast<int>(k) & 3};
}
// 1/first! - square/(first + 2)! + square^2/(first + 4)! - …
DoubleDouble alternating(DoubleDouble square, std::size_t first) {
  DoubleDouble sum = whole(0);
  for (std::size_t i = 14; i-- > 0;) {
    sum = sum * square + kInverseFactorials[2 * i + first] * (i % 2 == 0 ? 1.0 : -1.0);
  }
  return sum;
}
// sin r and cos r of |r| <= pi / 4.
struct AllBits {
  static DoubleDouble sine(DoubleDouble r) { return alternating(r * r, 1) * r; }
  static DoubleDouble cosine(DoubleDouble r) { return alternating(r * r, 0); }
};
// The same series from its second term on, divided by -square, with enough bits for near_km():
// three terms are enough that take part with all bits, and the others as doubles.
DoubleDouble quick_rest(DoubleDouble square, std::size_t first) {
  double rest = 0;
  for (std::size_t i = 10; i-- > 4;) {
    rest = rest * -square.high + kInverseFactorials[2 * i + first].high;
  }
  const DoubleDouble& third = kInverseFactorials[6 + first];
  DoubleDouble sum = quick_two_sum(third.high, third.low - square.high * rest);
  sum = kInverseFactorials[4 + first] - sum * square;
  return kInverseFactorials[2 + first] - sum * square;
}
struct Quick {
  static DoubleDouble sine(DoubleDouble r) {
    const DoubleDouble square = r * r;
    return r - r * (quick_rest(square, 1) * square);
  }
  static DoubleDouble cosine(DoubleDouble r) {
    const DoubleDouble square = r * r;
    return whole(1) - quick_rest(square, 0) * square;
  }
};
template <typename Near>
DoubleDouble sine(DoubleDouble x) {
  const auto [rest, quarters] = turned(x);
  const DoubleDouble of_rest = quarters % 2 == 0 ? Near::sine(rest) : Near::cosine(rest);
  return quarters < 2 ? of_rest : -of_rest;
}
template <typename Near>
DoubleDouble cosine(DoubleDouble x) {
  const auto [rest, quarters] = turned(x);
  const DoubleDouble of_rest = quarters % 2 == 0 ? Near::cosine(rest) : Near::sine(rest);
  return quarters == 0 || quarters == 3 ? of_rest : -of_rest;
}

// The angle of the point (x, y) with x, y >= 0, not both 0.
DoubleDouble angle_of(DoubleDouble y, DoubleDouble x) {
  if (x.high <= 0) return kHalfPi;
  const bool is_steep = y.high > x.high;
  DoubleDouble t = is_steep ? x / y : y / x;
  // Halving the angle three times brings t below 0.1.
  constexpr int kHalvings = 3;
  for (int i = 0; i < kHalvings; ++i) t = t / (whole(1) + square_root(whole(1) + t * t));
  const DoubleDouble square = t * t;
  constexpr std::size_t kTerms = 17;
  DoubleDouble sum = whole(0);
  for (std::size_t i = kTerms; i-- > 0;) {
    sum = sum * square + kInverseOddNumbers[i] * (i % 2 == 0 ? 1.0 : -1.0);
  }
  const DoubleDouble angle = scaled(sum * t, kHalvings);
  return is_steep ? kHalfPi - angle : angle;
}

constexpr double kRadiusKm = 6371;

// What great_circle_km() gives, in a quarter of the time, where a relative error of 2^-62 cannot
// change which double is nearest (Ziv, ACM Trans. Math. Softw. 17, 1991); else nothing. The error
// is below 2^-66.
std::optional<double> near_km(double latitude1, double latitude2, DoubleDouble half_latitude,
                              DoubleDouble half_longitude) {
  // Near half a turn, at the poles and at the antipodes errors are larger.
  if (!(std::fabs(half_longitude.high) < 170 && std::fabs(half_latitude.high) < 170))
    return std::nullopt;
  const DoubleDouble a = sine<Quick>(half_latitude * kDegree);
  const DoubleDouble b = sine<Quick>(half_longitude * kDegree);
  const DoubleDouble cosines =
      cosine<Quick>(whole(latitude1) * kDegree) * cosine<Quick>(whole(latitude2) * kDegree);
  if (!(cosines.high > 0x1p-20)) return std::nullopt;
  const DoubleDouble h = a * a + cosines * b * b;
  if (!(h.high > 0x1p-600 && h.high < 0.75)) return std::nullopt;
  const DoubleDouble s = square_root(h);
  const DoubleDouble c = square_root(whole(1) - h);
  // Whatever the C library gives that is near the angle: the sine of what is left is what is left.
  const double near = std::atan2(s.high, c.high);
  const DoubleDouble left = s * cosine<Quick>(whole(near)) - c * sine<Quick>(whole(near));
  const DoubleDouble km = (whole(near) + left) * (2 * kRadiusKm);
  const double error = km.high * 0x1p-62;
  if (km.high + (km.low + error) != km.high || km.high + (km.low - error) != km.high) {
    return std::nullopt;
  }
  return km.high;
}
}  // namespace

double real_exp(double x) { return exp_of(whole(x)); }

double real_exp2(double x) {
  if (x > 1025) return kInfinity;
  if (x < -1080) return 0;
  return exp_of(kLn2 * x);
}

double real_ln(double x) {
  if (!(x > 0)) return kUndefined;
  if (std::isinf(x)) return kInfinity;
  return ln_of(x).high;
}

Int128 scaled_n_log2_n(std::uint64_t n) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
  if (n < 2) return 0;
  const auto real = static_cast<double>(std::min(n, kMost));
  const DoubleDouble product = scaled(ln_of(real) / kLn2 * real, kScaledLog2Bits);
  // The higher part is a whole number: it is at least 2.
  return static_cast<Int128>(product.high) + static_cast<Int128>(std::nearbyint(product.low));
}

double real_pow(double x, double y) {
  if (y == 0 || x == 1) return 1;
  if (x == 0) return y > 0 ? 0 : kUndefined;
  const bool is_whole = std::floor(y) == y;
  if (x < 0 && !is_whole) return kUndefined;
  const DoubleDouble logarithm = ln_of(std::fabs(x));
  const double rough = logarithm.high * y;
  double result = 0;
  if (logarithm.high == 0) {
    result = 1;
  } else if (rough > 800) {
    result = kInfinity;
  } else if (rough >= -800) {
    // |logarithm| is at least 2^-53, so y is at most 2^63 here.
    result = exp_of(logarithm * y);
  }
  const bool is_odd = is_whole && std::fabs(y) < 0x1p53 && std::fmod(y, 2) != 0;
  return x < 0 && is_odd ? -result : result;
}

double great_circle_km(double latitude1, double longitude1, double latitude2, double longitude2) {
  const DoubleDouble half_latitude = scaled(two_sum(latitude2, -latitude1), -1);
  const DoubleDouble half_longitude = scaled(two_sum(longitude2, -longitude1), -1);
  if (const std::optional<double> km =
          near_km(latitude1, latitude2, half_latitude, half_longitude)) {
    return *km;
  }
  const DoubleDouble a = sine<AllBits>(half_latitude * kDegree);
  const DoubleDouble b = sine<AllBits>(half_longitude * kDegree);
  const DoubleDouble cosines =
      cosine<AllBits>(whole(latitude1) * kDegree) * cosine<AllBits>(whole(latitude2) * kDegree);
  DoubleDouble h = a * a + cosines * b * b;
  if (h.high <= 0) return 0;
  if (h.high >= 1) h = whole(1);
  const DoubleDouble angle = angle_of(square_root(h), square_root(whole(1) - h));
  return (angle * (2 * kRadiusKm)).high;
}

double round_real(double x, int digits) {
  constexpr double kWhole = 0x1p53;
  const auto factor = static_cast<double>(power_of_ten(digits));
  // Then no other double is nearer to the rounded value.
  if (!(std::fabs(x * factor) < kWhole)) return x;
  const DoubleDouble product = two_product(x, factor);
  // The nearest integer to the exact product; the low part decides where the high one ties.
  double nearest = std::nearbyint(product.high);
  const double rest = product.high - nearest;  // exact
  if (rest == 0.5 && product.low > 0) nearest += 1;
  if (rest == -0.5 && product.low < 0) nearest -= 1;
  return nearest / factor;
}
}  // namespace tocsin::cep

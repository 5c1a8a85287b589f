/// Double-double arithmetic: a number as the unevaluated sum of two doubles, about 106 bits.
/// Only + - * / and sqrt of doubles, each rounded once, so equal inputs give equal bits on every
/// machine (Dekker, Numer. Math. 18, 1971; Hida, Li, Bailey, "Library for Double-Double and
/// Quad-Double Arithmetic", 2007).
#pragma once
#include <cmath>

namespace tocsin::cep {
struct DoubleDouble {
  double high = 0;
  double low = 0;  // at most half a unit in the last place of `high`
};

constexpr DoubleDouble quick_two_sum(double a, double b) {  // |a| >= |b|
  const double sum = a + b;
  return {sum, b - (sum - a)};
}
constexpr DoubleDouble two_sum(double a, double b) {
  const double sum = a + b;
  const double part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}
/// The exact product; |a| and |b| below 2^990.
constexpr DoubleDouble two_product(double a, double b) {
  constexpr double kSplitter = 134217729.0;  // 2^27 + 1
  const double product = a * b;
  const double wide_a = kSplitter * a;
  const double a_high = wide_a - (wide_a - a);
  const double a_low = a - a_high;
  const double wide_b = kSplitter * b;
  const double b_high = wide_b - (wide_b - b);
  const double b_low = b - b_high;
  return {product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
}
constexpr DoubleDouble operator+(DoubleDouble a, DoubleDouble b) {
  DoubleDouble high = two_sum(a.high, b.high);
  const DoubleDouble low = two_sum(a.low, b.low);
  high = quick_two_sum(high.high, high.low + low.high);
  return quick_two_sum(high.high, high.low + low.low);
}
constexpr DoubleDouble operator-(DoubleDouble a) { return {-a.high, -a.low}; }
constexpr DoubleDouble operator-(DoubleDouble a, DoubleDouble b) { return a + -b; }
constexpr DoubleDouble operator*(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble product = two_product(a.high, b.high);
  return quick_two_sum(product.high, product.low + (a.high * b.low + a.low * b.high));
}
constexpr DoubleDouble operator*(DoubleDouble a, double b) {
  const DoubleDouble product = two_product(a.high, b);
  return quick_two_sum(product.high, product.low + a.low * b);
}
constexpr DoubleDouble operator/(DoubleDouble a, DoubleDouble b) {
  const double first = a.high / b.high;
  DoubleDouble rest = a - b * first;
  const double second = rest.high / b.high;
  rest = rest - b * second;
  const double third = rest.high / b.high;
  return quick_two_sum(first, second) + DoubleDouble{third, 0};
}
/// Of a number >= 0.
inline DoubleDouble square_root(DoubleDouble a) {
  if (a.high <= 0) return {0, 0};
  const double root = std::sqrt(a.high);
  const DoubleDouble rest = a - two_product(root, root);
  return quick_two_sum(root, rest.high / (2 * root));
}
/// Times 2^exponent, exactly where nothing underflows.
inline DoubleDouble scaled(DoubleDouble a, int exponent) {
  return {std::ldexp(a.high, exponent), std::ldexp(a.low, exponent)};
}
}  // namespace tocsin::cep

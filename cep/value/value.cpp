#include "cep/value/value.h"

#include <cmath>
#include <numeric>
#include <optional>

#include "cep/base/assert.h"
#include "cep/value/int128.h"

namespace tocsin::cep {
namespace {
__extension__ typedef unsigned __int128 UInt128;
constexpr Int128 kInt128Max = static_cast<Int128>(~UInt128{0} >> 1);
constexpr Int128 kInt128Min = -kInt128Max - 1;

UInt128 magnitude(Int128 n) {
  return n < 0 ? UInt128{0} - static_cast<UInt128>(n) : static_cast<UInt128>(n);
}

UInt128 greatest_common_divisor(UInt128 a, UInt128 b) {
  while ((a >> 64) != 0 || (b >> 64) != 0) {
    if (b == 0) return a;
    const UInt128 rest = a % b;
    a = b;
    b = rest;
  }
  return std::gcd(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b));
}

Int128 divisor_of(Int128 a, Int128 b) {
  // Both are at most 2^127 in magnitude and one of them is a denominator, so the result fits.
  return static_cast<Int128>(greatest_common_divisor(magnitude(a), magnitude(b)));
}

bool is_exact_number(const Value& v) {
  return v.kind == ValueKind::kInt || v.kind == ValueKind::kDecimal ||
         v.kind == ValueKind::kFraction;
}
bool is_number(const Value& v) { return is_exact_number(v) || v.kind == ValueKind::kFloat; }

// An exact number as numerator and denominator (> 0), not always in lowest terms.
struct Ratio {
  Int128 numerator = 0;
  Int128 denominator = 1;
};
Ratio ratio_of(const Value& v) {
  switch (v.kind) {
    case ValueKind::kDecimal:
      return {v.number, power_of_ten(v.scale)};
    case ValueKind::kFraction:
      return {v.number, v.denominator};
    default:
      return {v.number, 1};
  }
}
Ratio reduced(const Ratio& r) {
  const Int128 divisor = divisor_of(r.numerator, r.denominator);
  return {r.numerator / divisor, r.denominator / divisor};
}

// Compares a/b with c/d by their continued fractions, so that nothing overflows.
Ordering compare_magnitudes(UInt128 a, UInt128 b, UInt128 c, UInt128 d) {
  bool flipped = false;
  const auto answer = [&](bool less) {
    return less != flipped ? Ordering::kLess : Ordering::kGreater;
  };
  while (true) {
    const UInt128 left = a / b;
    const UInt128 right = c / d;
    if (left != right) return answer(left < right);
    const UInt128 left_rest = a % b;
    const UInt128 right_rest = c % d;
    if (left_rest == 0 && right_rest == 0) return Ordering::kEqual;
    if (left_rest == 0) return answer(true);
    if (right_rest == 0) return answer(false);
    // left_rest/b against right_rest/d is the reverse of b/left_rest against d/right_rest.
    a = b;
    b = left_rest;
    c = d;
    d = right_rest;
    flipped = !flipped;
  }
}

template <typename T>
Ordering order_of(const T& a, const T& b) {
  if (a < b) return Ordering::kLess;
  return b < a ? Ordering::kGreater : Ordering::kEqual;
}

Ordering compare_exact(const Value& a, const Value& b) {
  if (a.kind != ValueKind::kFraction && b.kind != ValueKind::kFraction) {
    if (a.scale == b.scale) return order_of(a.number, b.number);
    if (fits_64(a.number) && fits_64(b.number)) {
      return order_of(a.number * power_of_ten(b.scale), b.number * power_of_ten(a.scale));
    }
  }
  const Ratio left = ratio_of(a);
  const Ratio right = ratio_of(b);
  if ((left.numerator < 0) != (right.numerator < 0)) {
    return left.numerator < 0 ? Ordering::kLess : Ordering::kGreater;
  }
  const UInt128 n = magnitude(left.numerator);
  const UInt128 m = magnitude(right.numerator);
  const auto d = static_cast<UInt128>(left.denominator);
  const auto e = static_cast<UInt128>(right.denominator);
  return left.numerator < 0 ? compare_magnitudes(m, e, n, d) : compare_magnitudes(n, d, m, e);
}

// The double nearest to numerator / denominator, ties to even.
double nearest_double(const Ratio& ratio) {
  constexpr UInt128 kExact = UInt128{1} << 53;
  const UInt128 n = magnitude(ratio.numerator);
  const auto d = static_cast<UInt128>(ratio.denominator);
  double result = 0;
  if (n == 0) return 0;
  if (n <= kExact && d <= kExact) {
    result = static_cast<double>(static_cast<std::uint64_t>(n)) /
             static_cast<double>(static_cast<std::uint64_t>(d));
  } else {
    // At least 64 bits of quotient; what is lost below them is kept as one sticky bit.
    UInt128 quotient = n / d;
    UInt128 rest = n % d;
    int exponent = 0;
    while ((quotient >> 63) == 0) {
      rest += rest;
      quotient += quotient;
      if (rest >= d) {
        rest -= d;
        ++quotient;
      }
      --exponent;
    }
    bool sticky = rest != 0;
    while ((quotient >> 64) != 0) {
      sticky = sticky || (quotient & 1) != 0;
      quotient >>= 1;
      ++exponent;
    }
    const auto bits = static_cast<std::uint64_t>(quotient) | (sticky ? 1U : 0U);
    result = std::ldexp(static_cast<double>(bits), exponent);
  }
  return ratio.numerator < 0 ? -result : result;
}

double real_of(const Value& v) {
  switch (v.kind) {
    case ValueKind::kFloat:
      return v.real;
    case ValueKind::kInt:
      return static_cast<double>(v.number);
    default:
      return nearest_double(ratio_of(v));
  }
}

// An int or decimal result; missing when it leaves the bits that its operands may use.
Value bounded(const Value& a, const Value& b, bool is_decimal, Int128 number, int scale) {
  if (fits_64(a.number) && fits_64(b.number) && !fits_64(number)) return Value::missing();
  return is_decimal ? Value::decimal(number, scale) : Value::integer(number);
}

Value add_ratios(const Ratio& a, const Ratio& b) {
  // Knuth, TAOCP 2, 4.5.1: divide by the common factors before they grow.
  const Ratio left = reduced(a);
  const Ratio right = reduced(b);
  const Int128 common = divisor_of(left.denominator, right.denominator);
  Int128 first = 0;
  Int128 second = 0;
  Int128 sum = 0;
  if (__builtin_mul_overflow(left.numerator, right.denominator / common, &first) ||
      __builtin_mul_overflow(right.numerator, left.denominator / common, &second) ||
      __builtin_add_overflow(first, second, &sum)) {
    return Value::missing();
  }
  const Int128 shared = divisor_of(sum, common);
  Int128 denominator = 0;
  if (__builtin_mul_overflow(left.denominator / common, right.denominator / shared, &denominator)) {
    return Value::missing();
  }
  return Value::fraction(sum / shared, denominator);
}

Value multiply_ratios(const Ratio& a, const Ratio& b) {
  const Ratio left = reduced(a);
  const Ratio right = reduced(b);
  const Int128 p = divisor_of(left.numerator, right.denominator);
  const Int128 q = divisor_of(right.numerator, left.denominator);
  Int128 numerator = 0;
  Int128 denominator = 0;
  if (__builtin_mul_overflow(left.numerator / p, right.numerator / q, &numerator) ||
      __builtin_mul_overflow(left.denominator / q, right.denominator / p, &denominator)) {
    return Value::missing();
  }
  return Value::fraction(numerator, denominator);
}

Value time_within_range(Int128 us) {
  if (us < kEventTimeMin.us || us > kEventTimeMax.us) return Value::missing();
  return Value::time({static_cast<std::int64_t>(us)});
}
Value duration_within_range(Int128 us) {
  if (!fits_64(us)) return Value::missing();
  return Value::duration({static_cast<std::int64_t>(us)});
}

Value scale_duration(const Value& duration, const Value& factor) {
  if (factor.kind == ValueKind::kFloat) {
    const double us = std::nearbyint(static_cast<double>(duration.number) * factor.real);
    constexpr double kLimit = 9223372036854775808.0;  // 2^63
    if (!(us >= -kLimit && us < kLimit)) return Value::missing();
    return Value::duration({static_cast<std::int64_t>(us)});
  }
  const Value product = multiply_ratios({duration.number, 1}, ratio_of(factor));
  if (product.is_missing()) return product;
  const std::optional<Int128> us = divide_half_even(product.number, product.denominator, 0);
  return us ? duration_within_range(*us) : Value::missing();
}

// `sign` is 1 for a + b, -1 for a - b.
Value sum_of(const Value& a, const Value& b, int sign) {
  if (a.is_missing() || b.is_missing()) return Value::missing();
  using enum ValueKind;
  if (is_number(a) && is_number(b)) {
    if (a.kind == kFloat || b.kind == kFloat) {
      return Value::floating(real_of(a) + sign * real_of(b));
    }
    if (a.kind == kFraction || b.kind == kFraction) {
      const Value second = sign < 0 ? negate(b) : b;
      return second.is_missing() ? second : add_ratios(ratio_of(a), ratio_of(second));
    }
    const int scale = std::max(a.scale, b.scale);
    Int128 left = 0;
    Int128 right = 0;
    Int128 result = 0;
    if (__builtin_mul_overflow(a.number, Int128{power_of_ten(scale - a.scale)}, &left) ||
        __builtin_mul_overflow(b.number, Int128{power_of_ten(scale - b.scale)}, &right) ||
        (sign > 0 ? __builtin_add_overflow(left, right, &result)
                  : __builtin_sub_overflow(left, right, &result))) {
      return Value::missing();
    }
    return bounded(a, b, a.kind == kDecimal || b.kind == kDecimal, result, scale);
  }
  if (a.kind == kTime && b.kind == kTime && sign < 0) {
    return duration_within_range(a.number - b.number);
  }
  if (a.kind == kDate && b.kind == kDate && sign < 0) {
    return duration_within_range((a.number - b.number) * kDayUs);
  }
  if (a.kind == kTime && b.kind == kDuration) return time_within_range(a.number + sign * b.number);
  if (a.kind == kDuration && b.kind == kTime && sign > 0) {
    return time_within_range(a.number + b.number);
  }
  TOCSIN_ASSERT(a.kind == kDuration && b.kind == kDuration, "the checker typed the operands");
  return duration_within_range(a.number + sign * b.number);
}
}  // namespace

bool operator==(const Type& a, const Type& b) {
  if (a.kind != b.kind || a.scale != b.scale) return false;
  if (a.words == b.words) return true;
  return a.words && b.words && *a.words == *b.words;
}

Value Value::boolean(bool b) {
  Value v;
  v.kind = ValueKind::kBool;
  v.number = b ? 1 : 0;
  return v;
}
Value Value::integer(Int128 n) {
  Value v;
  v.kind = ValueKind::kInt;
  v.number = n;
  return v;
}
Value Value::decimal(Int128 mantissa, int scale) {
  Value v;
  v.kind = ValueKind::kDecimal;
  v.number = mantissa;
  v.scale = static_cast<std::uint8_t>(scale);
  return v;
}
Value Value::fraction(Int128 numerator, Int128 denominator) {
  if (denominator == 0) return missing();
  UInt128 n = magnitude(numerator);
  UInt128 d = magnitude(denominator);
  const UInt128 divisor = greatest_common_divisor(n, d);
  n /= divisor;
  d /= divisor;
  const auto limit = static_cast<UInt128>(kInt128Max);
  if (n > limit || d > limit) return missing();
  Value v;
  v.kind = ValueKind::kFraction;
  v.number = static_cast<Int128>(n);
  if ((numerator < 0) != (denominator < 0)) v.number = -v.number;
  v.denominator = static_cast<Int128>(d);
  return v;
}
Value Value::floating(double d) {
  if (!std::isfinite(d)) return missing();
  Value v;
  v.kind = ValueKind::kFloat;
  v.real = d + 0.0;  // -0 becomes 0
  return v;
}
Value Value::string(std::string_view text) {
  Value v;
  v.kind = ValueKind::kString;
  v.text = text;
  return v;
}
Value Value::time(EventTime t) {
  Value v;
  v.kind = ValueKind::kTime;
  v.number = t.us;
  return v;
}
Value Value::date(std::int64_t days) {
  Value v;
  v.kind = ValueKind::kDate;
  v.number = days;
  return v;
}
Value Value::duration(Duration d) {
  Value v;
  v.kind = ValueKind::kDuration;
  v.number = d.us;
  return v;
}
Value Value::enumerated(std::int64_t ordinal, std::string_view word) {
  Value v;
  v.kind = ValueKind::kEnum;
  v.number = ordinal;
  v.text = word;
  return v;
}

Ordering compare(const Value& a, const Value& b) {
  if (a.is_missing() || b.is_missing()) return Ordering::kUnknown;
  using enum ValueKind;
  if (is_number(a) && is_number(b)) {
    if (a.kind == kFloat || b.kind == kFloat) return order_of(real_of(a), real_of(b));
    return compare_exact(a, b);
  }
  const auto is_text = [](const Value& v) { return v.kind == kString || v.kind == kEnum; };
  if (is_text(a) && is_text(b)) {
    if (a.kind == kEnum && b.kind == kEnum && a.number != b.number && a.text != b.text) {
      return order_of(a.number, b.number);
    }
    return order_of(a.text, b.text);
  }
  TOCSIN_ASSERT(a.kind == b.kind, "the checker compares only kinds that are comparable");
  return order_of(a.number, b.number);
}

bool same_value(const Value& a, const Value& b) {
  if (a.is_missing() || b.is_missing()) return a.is_missing() && b.is_missing();
  return compare(a, b) == Ordering::kEqual;
}

Value add(const Value& a, const Value& b) { return sum_of(a, b, 1); }
Value subtract(const Value& a, const Value& b) { return sum_of(a, b, -1); }

Value multiply(const Value& a, const Value& b) {
  if (a.is_missing() || b.is_missing()) return Value::missing();
  using enum ValueKind;
  if (a.kind == kDuration && is_number(b)) return scale_duration(a, b);
  if (b.kind == kDuration && is_number(a)) return scale_duration(b, a);
  TOCSIN_ASSERT(is_number(a) && is_number(b), "the checker typed the operands");
  if (a.kind == kFloat || b.kind == kFloat) return Value::floating(real_of(a) * real_of(b));
  if (a.kind == kFraction || b.kind == kFraction) return multiply_ratios(ratio_of(a), ratio_of(b));
  Int128 product = 0;
  if (__builtin_mul_overflow(a.number, b.number, &product)) return Value::missing();
  return bounded(a, b, a.kind == kDecimal || b.kind == kDecimal, product, a.scale + b.scale);
}

Value divide(const Value& a, const Value& b) {
  if (a.is_missing() || b.is_missing()) return Value::missing();
  using enum ValueKind;
  if (a.kind == kDuration && b.kind == kDuration) {
    if (b.number == 0) return Value::missing();
    return Value::floating(b.number < 0 ? nearest_double({-a.number, -b.number})
                                        : nearest_double({a.number, b.number}));
  }
  TOCSIN_ASSERT(is_number(a) && is_number(b), "the checker typed the operands");
  if (a.kind == kFloat || b.kind == kFloat) return Value::floating(real_of(a) / real_of(b));
  const Ratio divisor = ratio_of(b);
  if (divisor.numerator == 0 || divisor.numerator == kInt128Min) return Value::missing();
  const bool negative = divisor.numerator < 0;
  return multiply_ratios(ratio_of(a), {negative ? -divisor.denominator : divisor.denominator,
                                       negative ? -divisor.numerator : divisor.numerator});
}

Value modulo(const Value& a, const Value& b) {
  if (a.is_missing() || b.is_missing()) return Value::missing();
  const auto is_scaled = [](const Value& v) {
    return v.kind == ValueKind::kInt || v.kind == ValueKind::kDecimal;
  };
  TOCSIN_ASSERT(is_scaled(a) && is_scaled(b), "`%` is on ints and decimals");
  const int scale = std::max(a.scale, b.scale);
  Int128 left = 0;
  Int128 right = 0;
  if (__builtin_mul_overflow(a.number, Int128{power_of_ten(scale - a.scale)}, &left) ||
      __builtin_mul_overflow(b.number, Int128{power_of_ten(scale - b.scale)}, &right) ||
      right == 0) {
    return Value::missing();
  }
  const Int128 rest = right == -1 ? 0 : left % right;
  const bool is_decimal = a.kind == ValueKind::kDecimal || b.kind == ValueKind::kDecimal;
  return bounded(a, b, is_decimal, rest, scale);
}

Value negate(const Value& a) {
  if (a.is_missing()) return a;
  if (a.kind == ValueKind::kFloat) return Value::floating(-a.real);
  if (a.number == kInt128Min || (fits_64(a.number) && !fits_64(-a.number))) {
    return Value::missing();
  }
  Value v = a;
  v.number = -a.number;
  return v;
}

Value logical_and(const Value& a, const Value& b) {
  const auto is_false = [](const Value& v) { return !v.is_missing() && !v.is_true(); };
  if (is_false(a) || is_false(b)) return Value::boolean(false);
  return a.is_missing() || b.is_missing() ? Value::missing() : Value::boolean(true);
}
Value logical_or(const Value& a, const Value& b) {
  if (a.is_true() || b.is_true()) return Value::boolean(true);
  return a.is_missing() || b.is_missing() ? Value::missing() : Value::boolean(false);
}
Value logical_not(const Value& a) { return a.is_missing() ? a : Value::boolean(!a.is_true()); }

Value to_float(const Value& a) {
  return is_number(a) ? Value::floating(real_of(a)) : Value::missing();
}
}  // namespace tocsin::cep

#include "cep/aggregate/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <optional>

#include "cep/base/assert.h"

namespace tocsin::cep {
namespace {
using Limbs = std::vector<std::uint64_t>;
__extension__ typedef unsigned __int128 UInt128;

std::uint64_t sign_limb(std::uint64_t top) { return (top >> 63) != 0 ? ~std::uint64_t{0} : 0; }

void drop_top_zeros(Limbs& limbs) {
  while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
}

Limbs product(const Limbs& a, const Limbs& b) {
  Limbs out(a.size() + b.size(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const UInt128 sum = UInt128{a[i]} * b[j] + out[i + j] + carry;
      out[i + j] = static_cast<std::uint64_t>(sum);
      carry = static_cast<std::uint64_t>(sum >> 64);
    }
    out[i + b.size()] += carry;
  }
  drop_top_zeros(out);
  return out;
}

// a - b, with `b` shifted up by `offset` limbs; false if the result is below zero.
bool subtract(Limbs& a, const Limbs& b, std::size_t offset) {
  if (b.size() + offset > a.size()) return false;
  std::uint64_t borrow = 0;
  for (std::size_t i = offset; i < a.size(); ++i) {
    const std::uint64_t taken = i - offset < b.size() ? b[i - offset] : 0;
    if (i - offset >= b.size() && borrow == 0) break;
    const std::uint64_t before = a[i];
    a[i] = before - taken - borrow;
    borrow = before < taken || (before == taken && borrow != 0) ? 1 : 0;
  }
  drop_top_zeros(a);
  return borrow == 0;
}

// count * squares - sum^2, from limb `place` on; nothing where that is below zero.
struct Spread {
  Limbs limbs;
  std::uint32_t place = 0;
};
std::optional<Spread> spread_of(const ExactSum& sum, const ExactSum& squares, std::uint64_t count) {
  Spread spread;
  spread.limbs = product(squares.magnitude(), {count});
  spread.place = squares.low();
  const Limbs total = sum.magnitude();
  const Limbs square = product(total, total);
  if (square.empty()) return spread;
  if (2 * sum.low() < spread.place) {
    spread.limbs.insert(spread.limbs.begin(), spread.place - 2 * sum.low(), 0);
    spread.place = 2 * sum.low();
  }
  if (!subtract(spread.limbs, square, 2 * std::size_t{sum.low()} - spread.place)) {
    return std::nullopt;
  }
  return spread;
}

// Divides in place; whether something was left over.
bool divide(Limbs& limbs, std::uint64_t divisor) {
  std::uint64_t rest = 0;
  for (std::size_t i = limbs.size(); i-- > 0;) {
    const UInt128 part = UInt128{rest} << 64 | limbs[i];
    limbs[i] = static_cast<std::uint64_t>(part / divisor);
    rest = static_cast<std::uint64_t>(part % divisor);
  }
  drop_top_zeros(limbs);
  return rest != 0;
}

// limbs * 2^exponent as the nearest float; `sticky`: a little more than that.
double nearest(const Limbs& limbs, std::int64_t exponent, bool sticky) {
  if (limbs.empty()) return 0;
  const auto size = static_cast<std::int64_t>(limbs.size());
  const int zeros = std::countl_zero(limbs.back());
  std::uint64_t top = limbs.back() << zeros;
  if (size > 1) {
    const std::uint64_t next = limbs[limbs.size() - 2];
    if (zeros > 0) top |= next >> (64 - zeros);
    sticky = sticky || (next << zeros) != 0;
  }
  for (std::size_t i = 0; i + 2 < limbs.size(); ++i) sticky = sticky || limbs[i] != 0;
  // 64 bits and what lies below them: the last bit decides no tie but by being there.
  const double rounded = static_cast<double>(top | (sticky ? 1U : 0U));
  const std::int64_t scale = exponent + 64 * (size - 1) - zeros;
  return std::ldexp(rounded, static_cast<int>(std::clamp<std::int64_t>(scale, -4000, 4000)));
}

// A finite float as mantissa * 2^(place - 1074).
struct Parts {
  std::uint64_t mantissa = 0;
  std::uint32_t place = 0;
  bool negative = false;
};
Parts parts_of(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto exponent = static_cast<std::uint32_t>(bits >> 52 & 0x7ff);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  TOCSIN_ASSERT(exponent != 0x7ff, "values are finite");
  Parts parts;
  parts.negative = (bits >> 63) != 0;
  parts.mantissa = exponent == 0 ? fraction : fraction | std::uint64_t{1} << 52;
  parts.place = exponent == 0 ? 0 : exponent - 1;
  return parts;
}
UInt128 magnitude_of(Int128 value) {
  return value < 0 ? UInt128{0} - static_cast<UInt128>(value) : static_cast<UInt128>(value);
}
}  // namespace

// Makes the limbs from `first` on, `count` of them, and one more for the sign.
void ExactSum::reach(std::uint32_t first, std::uint32_t count) {
  if (limbs_.empty()) {
    low_ = first;
    limbs_.assign(std::size_t{count} + 1, 0);
    return;
  }
  if (first < low_) {
    limbs_.insert(limbs_.begin(), low_ - first, 0);
    low_ = first;
  }
  const std::uint64_t sign = sign_limb(limbs_.back());
  if (limbs_.back() != sign) limbs_.push_back(sign);
  const std::size_t wanted = std::size_t{first} - low_ + count + 1;
  if (limbs_.size() < wanted) limbs_.resize(wanted, sign);
}

// Drops limbs that only repeat the sign.
void ExactSum::trim() {
  while (limbs_.size() > 1 && limbs_.back() == sign_limb(limbs_[limbs_.size() - 2])) {
    limbs_.pop_back();
  }
  if (limbs_.size() == 1 && limbs_[0] == 0) limbs_.clear();
}

void ExactSum::add(Magnitude magnitude, std::uint32_t shift, bool negative) {
  if (magnitude == 0) return;
  const std::uint32_t bit = shift % 64;
  std::uint64_t words[3] = {static_cast<std::uint64_t>(magnitude),
                            static_cast<std::uint64_t>(magnitude >> 64), 0};
  if (bit > 0) {
    words[2] = words[1] >> (64 - bit);
    words[1] = words[1] << bit | words[0] >> (64 - bit);
    words[0] <<= bit;
  }
  const std::uint32_t count = words[2] != 0 ? 3 : words[1] != 0 ? 2 : 1;
  reach(shift / 64, count);
  std::size_t i = shift / 64 - low_;
  std::uint64_t carry = 0;
  for (std::uint32_t w = 0; i < limbs_.size(); ++i, ++w) {
    if (w >= count && carry == 0) break;
    const std::uint64_t word = w < count ? words[w] : 0;
    const std::uint64_t before = limbs_[i];
    if (negative) {
      limbs_[i] = before - word - carry;
      carry = before < word || (before == word && carry != 0) ? 1 : 0;
    } else {
      limbs_[i] = before + word + carry;
      carry = limbs_[i] < before || (limbs_[i] == before && carry != 0) ? 1 : 0;
    }
  }
  trim();
}

void ExactSum::add(const ExactSum& other, int sign) {
  const std::vector<std::uint64_t> limbs = other.magnitude();
  const bool negative = other.is_negative() != (sign < 0);
  for (std::size_t i = 0; i < limbs.size(); ++i) {
    add(limbs[i], static_cast<std::uint32_t>(64 * (other.low_ + i)), negative);
  }
}

void ExactSum::clear() {
  limbs_.clear();
  low_ = 0;
}

std::vector<std::uint64_t> ExactSum::magnitude() const {
  std::vector<std::uint64_t> out(limbs_.begin(), limbs_.end());
  if (is_negative()) {
    std::uint64_t carry = 1;
    for (std::uint64_t& limb : out) {
      limb = ~limb + carry;
      carry = carry != 0 && limb == 0 ? 1 : 0;
    }
    if (carry != 0) out.push_back(1);
  }
  drop_top_zeros(out);
  return out;
}

void add_real(ExactSum& sum, double value, int sign) {
  const Parts parts = parts_of(value);
  sum.add(parts.mantissa, parts.place, parts.negative != (sign < 0));
}
void add_real_square(ExactSum& sum, double value, int sign) {
  const Parts parts = parts_of(value);
  sum.add(UInt128{parts.mantissa} * parts.mantissa, 2 * parts.place, sign < 0);
}
void add_number(ExactSum& sum, Int128 value, int sign) {
  sum.add(magnitude_of(value), 0, (value < 0) != (sign < 0));
}
void add_number_square(ExactSum& sum, Int128 value, int sign) {
  const UInt128 magnitude = magnitude_of(value);
  TOCSIN_ASSERT((magnitude >> 64) == 0, "values have 64 bits");
  sum.add(magnitude * magnitude, 0, sign < 0);
}

double nearest_real(const ExactSum& sum) {
  const double magnitude =
      nearest(sum.magnitude(), std::int64_t{64} * sum.low() - kRealUnit, false);
  return sum.is_negative() ? -magnitude : magnitude;
}

double standard_deviation(const ExactSum& sum, const ExactSum& squares, std::uint64_t count,
                          bool sample, int unit, int scale) {
  TOCSIN_ASSERT(count > (sample ? 1U : 0U), "a sample has two values");
  // The variance is (count * squares - sum^2) / (count * (count or count - 1)), exactly.
  std::optional<Spread> exact = spread_of(sum, squares, count);
  TOCSIN_ASSERT(exact.has_value(), "n times the squares is at least the square of the sum");
  Limbs& spread = exact->limbs;
  if (spread.empty()) return 0;
  // Of what is divided, so many bits that 64 and more are left; the rest only counts as being
  // there.
  std::int64_t exponent = std::int64_t{64} * exact->place - 2 * unit;
  bool sticky = false;
  constexpr std::size_t kLimbs = 5;
  if (spread.size() > kLimbs) {
    const std::size_t excess = spread.size() - kLimbs;
    for (std::size_t i = 0; i < excess; ++i) sticky = sticky || spread[i] != 0;
    spread.erase(spread.begin(), spread.begin() + static_cast<std::ptrdiff_t>(excess));
    exponent += static_cast<std::int64_t>(64 * excess);
  } else if (spread.size() < kLimbs) {
    const std::size_t missing = kLimbs - spread.size();
    spread.insert(spread.begin(), missing, 0);
    exponent -= static_cast<std::int64_t>(64 * missing);
  }
  sticky = divide(spread, count) || sticky;
  sticky = divide(spread, sample ? count - 1 : count) || sticky;
  if (scale > 0) {
    sticky = divide(spread, static_cast<std::uint64_t>(power_of_ten(2 * scale))) || sticky;
  }
  return std::sqrt(nearest(spread, exponent, sticky));
}

bool are_moments(const ExactSum& sum, const ExactSum& squares, std::uint64_t count) {
  return count > 0 && !squares.is_negative() && spread_of(sum, squares, count).has_value();
}
}  // namespace tocsin::cep

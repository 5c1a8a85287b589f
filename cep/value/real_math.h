/// Functions of real numbers with the same bits on every machine: computed to about 100 bits by
/// additions and multiplications alone (cep/value/double_double.h) and rounded once, whatever the C
/// library and the processor have. The result is the double nearest to the true value, except
/// where that lies within 2^-40 of a unit in the last place of halfway between two doubles.
#pragma once
#include <cstdint>

#include "cep/value/decimal.h"

namespace tocsin::cep {
/// e^x; infinite above 709.78, 0 far below.
double real_exp(double x);
/// 2^x.
double real_exp2(double x);
/// The natural logarithm of x > 0; not a number otherwise.
double real_ln(double x);
/// n log2 n of a whole number, in units of 2^-80; n counts as 2^40 where it is more.
Int128 scaled_n_log2_n(std::uint64_t n);
inline constexpr int kScaledLog2Bits = 80;
/// x^y; not a number where it is undefined (a negative x with a y that is no integer, 0 with a
/// negative y).
double real_pow(double x, double y);
/// Great-circle distance in km on a sphere of radius 6371, by the haversine formula; degrees, each
/// within +-1,000.
double great_circle_km(double latitude1, double longitude1, double latitude2, double longitude2);
/// x rounded to `digits` (0 to 9) digits after the point, by its exact value, ties to even.
double round_real(double x, int digits);
}  // namespace tocsin::cep

/// Exact decimals: an integer mantissa and a scale (digits after the point), 0 <= scale <= 9.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::cep {
__extension__ typedef __int128 Int128;
inline constexpr int kScaleMax = 9;

/// 10^n for 0 <= n <= 18.
std::int64_t power_of_ten(int n);
/// Reads a JSON number's text ("12.50", "-3", "1.50e1") as the mantissa at `scale`. Digits beyond
/// the scale must be zeros and the mantissa must fit 64 bits, else nothing. Never goes through a
/// float.
std::optional<std::int64_t> parse_decimal(std::string_view text, int scale);
/// Writes with exactly `scale` digits after the point ("3.49", "-0.05"; no point at scale 0).
std::string format_decimal(Int128 mantissa, int scale);
/// Numerator / denominator (> 0) as a mantissa at `scale`, rounded half even; nothing when it
/// leaves 128 bits.
std::optional<Int128> divide_half_even(Int128 numerator, Int128 denominator, int scale);
}  // namespace tocsin::cep

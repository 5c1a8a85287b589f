/// Values of binary formats as JSON text, exactly.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/base/result.h"

namespace tocsin::runtime {
/// Appends `value` times ten to -`scale` as a JSON number with `scale` digits behind the point.
/// `value` is a whole number in two's complement, the highest byte first; no bytes are 0. Fails
/// with kLimit for a number of more than 512 bytes. Requires 0 <= scale <= kDecimalScaleMax.
Result<void> append_decimal(std::string& to, std::string_view value, int scale);
inline constexpr int kDecimalScaleMax = 1000;
/// Appends the shortest number that reads as this one; "NaN", "Infinity" or "-Infinity", as a
/// string, for what no JSON number is.
void append_real(std::string& to, double value);
void append_real(std::string& to, float value);
void append_integer(std::string& to, std::int64_t value);
/// Appends a time since 1970 as a string of RFC 3339, rounded down to microseconds; as the number
/// `count` if its year has not four digits. `unit` is how many of `count` are a second: 1,000,
/// 1,000,000 or 1,000,000,000.
void append_time(std::string& to, std::int64_t count, std::int64_t unit);
/// Appends days since 1970 as "2026-03-02"; as a number if the year is not of four digits.
void append_date(std::string& to, std::int64_t days);
/// Appends bytes as a string of base64.
void append_bytes(std::string& to, std::string_view bytes);
}  // namespace tocsin::runtime

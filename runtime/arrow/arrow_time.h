/// Times, dates and durations of Arrow in the engine's units.
#pragma once
#include <cstdint>
#include <optional>

#include "cep/value/decimal.h"
#include "runtime/arrow/arrow_column.h"

namespace tocsin::runtime {
/// The years 1 to 9999, which texts can say.
inline constexpr std::int64_t kTextTimeMinUs = -62'135'596'800'000'000;
inline constexpr std::int64_t kTextTimeMaxUs = 253'402'300'799'999'999;
inline constexpr std::int64_t kTextDateMin = -719'162;
inline constexpr std::int64_t kTextDateMax = 2'932'896;

/// Ticks, so many to a second, as microseconds, rounded down.
inline cep::Int128 floor_to_us(cep::Int128 ticks, std::int64_t per_second) {
  if (per_second <= 1'000'000) return ticks * (1'000'000 / per_second);
  const std::int64_t per_us = per_second / 1'000'000;
  const cep::Int128 us = ticks / per_us;
  return us * per_us > ticks ? us - 1 : us;
}
/// A timestamp as microseconds; nothing outside of the years 1 to 9999.
inline std::optional<std::int64_t> time_of_ticks(cep::Int128 ticks, std::int64_t per_second) {
  const cep::Int128 us = floor_to_us(ticks, per_second);
  if (us < kTextTimeMinUs || us > kTextTimeMaxUs) return std::nullopt;
  return static_cast<std::int64_t>(us);
}
/// The days of a date32 or date64, rounded down; nothing outside of the years 1 to 9999.
inline std::optional<std::int64_t> days_of(const ArrowColumn& column, std::int64_t row) {
  constexpr std::int64_t kDayMs = 86'400'000;
  cep::Int128 days = column.integer(row);
  if (column.kind == ArrowKind::kDate64) {
    const cep::Int128 whole = days / kDayMs;
    days = whole * kDayMs > days ? whole - 1 : whole;
  }
  if (days < kTextDateMin || days > kTextDateMax) return std::nullopt;
  return static_cast<std::int64_t>(days);
}
}  // namespace tocsin::runtime

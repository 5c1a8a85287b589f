/// Units of the calendar.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace tocsin::cep {
/// A week begins on Monday (ISO 8601).
enum class CalendarUnit : std::uint8_t { kDay, kWeek, kMonth, kYear };
inline constexpr std::array kUnitNames = {"day", "week", "month", "year"};
static_assert(kUnitNames.size() == static_cast<std::size_t>(CalendarUnit::kYear) + 1);
/// "day", "week", "month", "year".
constexpr const char* unit_name(CalendarUnit unit) {
  return kUnitNames[static_cast<std::size_t>(unit)];
}
}  // namespace tocsin::cep

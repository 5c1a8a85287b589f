/// Dates of the proleptic Gregorian calendar and their days since 1970-01-01.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace tocsin::cep {
struct CivilDate {
  std::int64_t year = 1970;
  int month = 1;
  int day = 1;
};
/// The date of a day, which is counted from 1970-01-01.
CivilDate civil_of(std::int64_t days);
/// The day of a date, counted from 1970-01-01.
std::int64_t days_of(const CivilDate& date);
constexpr bool is_leap_year(std::int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}
/// Of a month from 1 to 12.
constexpr int days_in_month(std::int64_t year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap_year(year) ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}
}  // namespace tocsin::cep

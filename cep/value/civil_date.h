/// Dates of the proleptic Gregorian calendar and their days since 1970-01-01.
#pragma once
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
}  // namespace tocsin::cep

/// Units of numbers that are times, as messages name them.
#pragma once
#include "cep/value/time_unit.h"

namespace tocsin::cep {
constexpr const char* time_unit_words(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSeconds:
      return "seconds";
    case TimeUnit::kMilliseconds:
      return "milliseconds";
    case TimeUnit::kNanoseconds:
      return "nanoseconds";
    case TimeUnit::kMicroseconds:
      break;
  }
  return "microseconds";
}
}  // namespace tocsin::cep

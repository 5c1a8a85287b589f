/// What a number of the input counts, as the schema declares it: `ts: time in ms`.
#pragma once
#include <cstdint>

#include "cep/value/time.h"

namespace tocsin::cep {
enum class TimeUnit : std::uint8_t { kSeconds, kMilliseconds, kMicroseconds, kNanoseconds };
/// As rules write it: "s", "ms", "us", "ns".
constexpr const char* time_unit_name(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSeconds:
      return "s";
    case TimeUnit::kMilliseconds:
      return "ms";
    case TimeUnit::kNanoseconds:
      return "ns";
    case TimeUnit::kMicroseconds:
      break;
  }
  return "us";
}
/// Times that a number of the right unit gives: [1990-01-01, 2101-01-01). Numbers of one unit, read
/// in another, lie outside.
inline constexpr EventTime kPlausibleMin{631'152'000'000'000};
inline constexpr EventTime kPlausibleEnd{4'133'980'800'000'000};
/// Whether a time that a number gave lies there.
constexpr bool is_plausible(EventTime time) {
  return time >= kPlausibleMin && time < kPlausibleEnd;
}
}  // namespace tocsin::cep

/// Event time: int64 microseconds since 1970-01-01T00:00:00Z, proleptic Gregorian, no leap seconds.
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::cep {
/// A length of event time in microseconds; may be negative as a difference.
struct Duration {
  std::int64_t us = 0;
  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return {a.us + b.us}; }
  friend constexpr Duration operator-(Duration a, Duration b) { return {a.us - b.us}; }
};
/// A point in event time. Input is kept inside [kEventTimeMin, kEventTimeMax] (about +-146,000
/// years), so that adding any Duration within the same range cannot overflow.
struct EventTime {
  std::int64_t us = 0;
  friend constexpr auto operator<=>(EventTime, EventTime) = default;
  friend constexpr EventTime operator+(EventTime t, Duration d) { return {t.us + d.us}; }
  friend constexpr EventTime operator-(EventTime t, Duration d) { return {t.us - d.us}; }
  friend constexpr Duration operator-(EventTime a, EventTime b) { return {a.us - b.us}; }
};
inline constexpr EventTime kEventTimeMin{-(std::int64_t{1} << 62)};
inline constexpr EventTime kEventTimeMax{std::int64_t{1} << 62};
inline constexpr std::int64_t kDayUs = 86'400'000'000;

/// Writes RFC 3339 in UTC with `Z`: no fraction when it is zero, else 3 or 6 digits
/// ("2026-03-02T12:01:00Z").
std::string format_time(EventTime time);
/// Writes `yyyy-mm-dd` of days since the epoch.
std::string format_date(std::int64_t days);
/// Writes the shortest form in the rule language's units ("1h30m", "10s", "500ms"); what is finer
/// than 1 ms as a decimal number of ms ("0.25ms"); zero is "0s".
std::string format_duration(Duration duration);
/// Reads RFC 3339 with a zone (`Z` or +-hh:mm; `T` or `t`; up to 9 fraction digits, those past the
/// sixth must be zeros); nothing otherwise, for impossible dates or outside the range.
std::optional<EventTime> parse_time(std::string_view text);
/// Reads `yyyy-mm-dd` to days since the epoch; nothing for an impossible date.
std::optional<std::int64_t> parse_date(std::string_view text);
/// Reads the rule language's form (`1h30m`, units ms s m h d w, one or more, no blanks); nothing on
/// overflow.
std::optional<Duration> parse_duration(std::string_view text);
}  // namespace tocsin::cep

// Times, dates, durations and decimals: what is read is written in one form that reads back as the
// same value, and every value in range that is written reads back.
#include <cstring>
#include <optional>
#include <string>

#include "cep/value/decimal.h"
#include "cep/value/time.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
// RFC 3339 has years of four digits; a zone may lead out of them.
bool has_written_year(std::int64_t days) {
  constexpr std::int64_t kFirstDay = -719'528;  // 0000-01-01
  constexpr std::int64_t kLastDay = 2'932'896;  // 9999-12-31
  return days > kFirstDay && days < kLastDay;
}
void check_time(cep::EventTime time) {
  if (!has_written_year(time.us / cep::kDayUs)) return;
  const std::optional<cep::EventTime> again = cep::parse_time(cep::format_time(time));
  require(again.has_value() && *again == time, "a time that was written reads back");
}
void check_date(std::int64_t days) {
  const std::optional<std::int64_t> again = cep::parse_date(cep::format_date(days));
  require(again.has_value() && *again == days, "a date that was written reads back");
}
void check_duration(cep::Duration duration) {
  const std::optional<cep::Duration> again = cep::parse_duration(cep::format_duration(duration));
  require(again.has_value() && *again == duration, "a duration that was written reads back");
}
void check_decimal(std::int64_t mantissa, int scale) {
  const std::string text = cep::format_decimal(mantissa, scale);
  const std::optional<std::int64_t> again = cep::parse_decimal(text, scale);
  require(again.has_value() && *again == mantissa, "a decimal that was written reads back");
}

void try_text(std::string_view text) {
  if (const auto time = cep::parse_time(text)) {
    require(*time >= cep::kEventTimeMin && *time <= cep::kEventTimeMax,
            "a time that was read is in range");
    check_time(*time);
  }
  if (const auto days = cep::parse_date(text)) check_date(*days);
  if (const auto duration = cep::parse_duration(text)) {
    require(duration->us >= 0 && duration->us % 1000 == 0,
            "a duration that was read is whole milliseconds, not negative");
    check_duration(*duration);
  }
  std::optional<std::int64_t> narrower;
  for (int scale = 0; scale <= cep::kScaleMax; ++scale) {
    const std::optional<std::int64_t> mantissa = cep::parse_decimal(text, scale);
    if (mantissa) check_decimal(*mantissa, scale);
    if (mantissa && narrower)
      require(*mantissa == *narrower * 10, "a decimal is the same at every scale that holds it");
    narrower = mantissa;
  }
}

void try_value(std::int64_t value) {
  check_time(cep::EventTime{value});
  if (has_written_year(value / cep::kDayUs)) check_date(value / cep::kDayUs);
  const bool is_duration = value >= 0 && value <= cep::kEventTimeMax.us;
  if (is_duration) check_duration(cep::Duration{value / 1000 * 1000});
  for (int scale = 0; scale <= cep::kScaleMax; ++scale) check_decimal(value, scale);
}
}  // namespace
}  // namespace tocsin::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tocsin::fuzz::try_text(tocsin::fuzz::text_of(data, size));
  if (size == sizeof(std::int64_t)) {
    std::int64_t value = 0;
    std::memcpy(&value, data, size);
    tocsin::fuzz::try_value(value);
  }
  return 0;
}

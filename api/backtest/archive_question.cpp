#include "api/backtest/archive_question.h"

#include <fmt/format.h>

#include "rules/text/human_text.h"
#include "runtime/archive/archive_reader.h"

namespace tocsin::api {
Outcome<std::optional<cep::EventTime>> archive_time(const std::string& text, const char* option) {
  if (text.empty()) return std::nullopt;
  if (const auto day = cep::parse_date(text)) return cep::EventTime{*day * cep::kDayUs};
  if (const auto instant = cep::parse_time(text)) return *instant;
  return stop(ExitCode::kUsage,
              fmt::format("{}: a time is written 2026-03-02T12:00:00Z, or 2026-03-02 for the "
                          "beginning of that day (UTC), not {}",
                          option, text));
}

Outcome<std::optional<runtime::TimeSpan>> archive_span(const std::string& from,
                                                       const std::string& to, const char* options) {
  if (from.empty() && to.empty()) return std::nullopt;
  const Outcome<std::optional<cep::EventTime>> first = archive_time(from, options);
  if (!first) return tl::unexpected(first.error());
  const Outcome<std::optional<cep::EventTime>> end = archive_time(to, options);
  if (!end) return tl::unexpected(end.error());
  runtime::TimeSpan span{first->value_or(cep::kEventTimeMin), end->value_or(cep::kEventTimeMax)};
  if (*end) --span.last.us;
  return span;
}

std::string archive_damage_text(const Error& damage) {
  return fmt::format("tocsin: {}\n  what to do: {}\n", damage.message, runtime::kArchiveRemedy);
}

std::string archive_missing_text(const runtime::ArchiveReader& reader, std::uint64_t by_position) {
  std::string text;
  for (const runtime::ArchiveGap& gap : reader.gaps()) {
    text += fmt::format(
        "tocsin: records {} to {} are not there: they were removed, or could not be archived\n",
        gap.first, gap.end - 1);
  }
  if (by_position > 0) {
    text += fmt::format(
        "tocsin: {} came from files: read these, the data directory has only their positions\n",
        rules::format_count(by_position, "line"));
  }
  return text;
}
}  // namespace tocsin::api

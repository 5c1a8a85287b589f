#include "api/node/archive_question.h"

#include <fmt/format.h>

#include "api/base/human_text.h"
#include "cep/value/time.h"
#include "runtime/archive/archive_reader.h"

namespace tocsin::api {
Outcome<std::optional<runtime::TimeSpan>> archive_span(const std::string& from,
                                                       const std::string& to, const char* options) {
  if (from.empty() && to.empty()) return std::nullopt;
  runtime::TimeSpan span{cep::kEventTimeMin, cep::kEventTimeMax};
  const auto read = [&](const std::string& text, cep::EventTime& time) -> Outcome<void> {
    if (text.empty()) return {};
    if (const auto day = cep::parse_date(text)) {
      time.us = *day * cep::kDayUs;
    } else if (const auto instant = cep::parse_time(text)) {
      time = *instant;
    } else {
      return stop(ExitCode::kUsage,
                  fmt::format("{}: a time is written 2026-03-02T12:00:00Z, or 2026-03-02 for the "
                              "beginning of that day (UTC), not {}",
                              options, text));
    }
    return {};
  };
  if (auto done = read(from, span.first); !done) return tl::unexpected(done.error());
  if (auto done = read(to, span.last); !done) return tl::unexpected(done.error());
  if (!to.empty()) --span.last.us;
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
        format_count(by_position, "line"));
  }
  return text;
}
}  // namespace tocsin::api

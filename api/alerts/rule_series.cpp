#include "api/alerts/rule_series.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace tocsin::api {
namespace {
// Whole days since 1970; of the time before too.
std::int64_t day_of(cep::EventTime time) {
  const std::int64_t day = time.us / cep::kDayUs;
  return time.us % cep::kDayUs < 0 ? day - 1 : day;
}
}  // namespace

Result<RuleSeries> rule_series(const runtime::EffectReader& reader, const TriageStore& triage,
                               std::string_view rule, cep::EventTime now, std::size_t days,
                               std::size_t rows_max) {
  RuleSeries series;
  const std::int64_t last = day_of(now);
  const std::int64_t first = last - static_cast<std::int64_t>(days) + 1;
  for (std::int64_t day = first; day <= last; ++day) {
    const std::string midnight = cep::format_time({day * cep::kDayUs});
    series.days.push_back({midnight.substr(0, std::string_view("2026-03-02").size())});
  }
  Result<void> failed;
  const Result<void> read =
      reader.alerts_before(UINT64_MAX, [&](const runtime::StoredAlert& alert) {
        const std::int64_t day = day_of(alert.stored_at);
        if (day < first) return false;
        if (series.examined == rows_max) {
          series.is_complete = false;
          return false;
        }
        ++series.examined;
        if (alert.rule != rule || alert.repeat_of != 0 || day > last) return true;
        const Result<TriageRecord> record = triage.get(alert.id);
        if (!record) {
          failed = tl::unexpected(record.error());
          return false;
        }
        RuleDay& counted = series.days[static_cast<std::size_t>(day - first)];
        ++(alert.is_live ? counted.alerts : counted.shadow);
        if (record->label == TriageState::kConfirmed) ++counted.confirmed;
        if (record->label == TriageState::kDismissed) ++counted.dismissed;
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  if (!failed) return tl::unexpected(failed.error());
  return series;
}

nlohmann::ordered_json rule_series_json(std::string_view rule, const RuleSeries& series) {
  nlohmann::ordered_json days = nlohmann::ordered_json::array();
  for (const RuleDay& day : series.days) {
    days.push_back({{"day", day.day},
                    {"alerts", day.alerts},
                    {"shadow", day.shadow},
                    {"confirmed", day.confirmed},
                    {"dismissed", day.dismissed}});
    const auto judged = static_cast<double>(day.confirmed + day.dismissed);
    if (judged > 0) days.back()["precision"] = static_cast<double>(day.confirmed) / judged;
  }
  return {{"rule", rule},
          {"days", std::move(days)},
          {"examined", series.examined},
          {"complete", series.is_complete}};
}
}  // namespace tocsin::api

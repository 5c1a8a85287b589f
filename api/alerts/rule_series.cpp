#include "api/alerts/rule_series.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace tocsin::api {
namespace {
// Whole days since 1970; of the time before too.
std::int64_t day_of(cep::EventTime time) {
  const std::int64_t day = time.us / cep::kDayUs;
  return time.us % cep::kDayUs < 0 ? day - 1 : day;
}
std::string day_text(std::int64_t day) {
  return cep::format_time({day * cep::kDayUs}).substr(0, std::string_view("2026-03-02").size());
}

// The alerts of the days from `first` on, `rows_max` at most, the newest first; false of `visit`
// ends it. Counts those in `series`, and says there whether these were all.
template <typename Series>
Result<void> walk_days(
    const runtime::EffectReader& reader, std::int64_t first, std::size_t rows_max, Series& series,
    const std::function<bool(const runtime::StoredAlert&, std::int64_t)>& visit) {
  return reader.alerts_before(UINT64_MAX, [&](const runtime::StoredAlert& alert) {
    const std::int64_t day = day_of(alert.stored_at);
    if (day < first) return false;
    if (series.examined == rows_max) {
      series.is_complete = false;
      return false;
    }
    ++series.examined;
    return alert.repeat_of != 0 || visit(alert, day);
  });
}
}  // namespace

Result<RuleSeries> rule_series(const runtime::EffectReader& reader, const TriageStore& triage,
                               std::string_view rule, cep::EventTime now, std::size_t days,
                               std::size_t rows_max) {
  RuleSeries series;
  const std::int64_t last = day_of(now);
  const std::int64_t first = last - static_cast<std::int64_t>(days) + 1;
  for (std::int64_t day = first; day <= last; ++day) series.days.push_back({day_text(day)});
  Result<void> failed;
  const Result<void> read = walk_days(
      reader, first, rows_max, series, [&](const runtime::StoredAlert& alert, std::int64_t day) {
        if (alert.rule != rule || day > last) return true;
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

Result<AllRuleSeries> all_rule_series(const runtime::EffectReader& reader,
                                      const TriageStore& triage, cep::EventTime now,
                                      std::size_t days, std::size_t rows_max,
                                      std::size_t rules_max) {
  AllRuleSeries series;
  const std::int64_t last = day_of(now);
  const std::int64_t first = last - static_cast<std::int64_t>(days) + 1;
  for (std::int64_t day = first; day <= last; ++day) series.days.push_back(day_text(day));
  std::set<std::string, std::less<>> left_out;
  const auto rule_of = [&](std::string_view id) -> RuleDays* {
    auto found = series.rules.find(id);
    if (found == series.rules.end() && series.rules.size() == rules_max) {
      // Names of more rules are not remembered than there may be rules.
      if (left_out.size() < rules_max) left_out.emplace(id);
      return nullptr;
    }
    if (found == series.rules.end()) found = series.rules.emplace(id, RuleDays{}).first;
    return &found->second;
  };
  const Result<void> read = walk_days(
      reader, first, rows_max, series, [&](const runtime::StoredAlert& alert, std::int64_t day) {
        if (day > last) return true;
        if (RuleDays* const rule = rule_of(alert.rule)) {
          std::vector<std::uint32_t>& counted = alert.is_live ? rule->alerts : rule->shadow;
          counted.resize(days);
          ++counted[static_cast<std::size_t>(day - first)];
        }
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  const Result<void> labelled =
      triage.all_labels([&](std::string_view id, const RuleLabels& labels) {
        if (labels.confirmed + labels.dismissed == 0) return true;
        if (RuleDays* const rule = rule_of(id)) rule->labels = labels;
        return true;
      });
  if (!labelled) return tl::unexpected(labelled.error());
  series.left_out = left_out.size();
  return series;
}

std::string all_rule_series_json(const AllRuleSeries& series) {
  std::string text =
      fmt::format(R"({{"days":{},"rules":[)", nlohmann::ordered_json(series.days).dump());
  bool is_first = true;
  for (const auto& [id, rule] : series.rules) {
    text += fmt::format(R"({}{{"rule":{})", is_first ? "" : ",", nlohmann::ordered_json(id).dump());
    is_first = false;
    if (!rule.alerts.empty()) text += fmt::format(R"(,"alerts":[{}])", fmt::join(rule.alerts, ","));
    if (!rule.shadow.empty()) text += fmt::format(R"(,"shadow":[{}])", fmt::join(rule.shadow, ","));
    text += fmt::format(R"(,"confirmed":{},"dismissed":{}}})", rule.labels.confirmed,
                        rule.labels.dismissed);
  }
  return text + fmt::format(R"(],"left_out":{},"examined":{},"complete":{}}})", series.left_out,
                            series.examined, series.is_complete);
}
}  // namespace tocsin::api

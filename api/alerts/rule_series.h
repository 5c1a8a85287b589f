/// Alerts of one rule by the day on which they were stored, and what people said of them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/alerts/triage_store.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/effects/effect_reader.h"

namespace tocsin::api {
struct RuleDay {
  std::string day;           // in UTC: "2026-03-02"
  std::uint64_t alerts = 0;  // live ones
  std::uint64_t shadow = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t dismissed = 0;
};
struct RuleSeries {
  std::vector<RuleDay> days;   // without a gap, the oldest first
  std::uint64_t examined = 0;  // alerts of all rules that were looked at, the newest first
  bool is_complete = true;     // false: there are older ones of these days
};
/// The last `days` days, at least one, that of `now` the last; over the newest `rows_max` alerts at
/// most. Errors: kCorrupt, kIo.
Result<RuleSeries> rule_series(const runtime::EffectReader& reader, const TriageStore& triage,
                               std::string_view rule, cep::EventTime now, std::size_t days,
                               std::size_t rows_max);
/// As answers show it.
nlohmann::ordered_json rule_series_json(std::string_view rule, const RuleSeries& series);
}  // namespace tocsin::api

/// Alerts of one rule by the day on which they were stored, and what people said of them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
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

/// One of all rules.
struct RuleDays {
  std::vector<std::uint32_t> alerts = {};  // live ones by day; empty: none in these days
  std::vector<std::uint32_t> shadow = {};  // likewise
  RuleLabels labels = {};                  // of all its alerts, whenever they were stored
};
struct AllRuleSeries {
  std::vector<std::string> days;                       // in UTC, without a gap, the oldest first
  std::map<std::string, RuleDays, std::less<>> rules;  // that have alerts in them, or labels
  std::uint64_t left_out = 0;  // rules with alerts or labels beyond `rules_max`
  std::uint64_t examined = 0;
  bool is_complete = true;
};
/// As rule_series(), of every rule, `rules_max` at most: those first that alerted last.
Result<AllRuleSeries> all_rule_series(const runtime::EffectReader& reader,
                                      const TriageStore& triage, cep::EventTime now,
                                      std::size_t days, std::size_t rows_max,
                                      std::size_t rules_max);
/// As answers show it: without the days on which a rule raised nothing.
std::string all_rule_series_json(const AllRuleSeries& series);
}  // namespace tocsin::api

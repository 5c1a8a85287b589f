/// The gate on the rate of alerts: before a change reaches live rules, a backtest of the rules as
/// they would be has shown how often they alert.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/backtest/backtest_rates.h"
#include "api/rules/rule_pack.h"
#include "cep/value/time.h"

namespace tocsin::api {
struct BacktestGate {
  std::uint64_t alerts_per_day = 0;       // of one rule, on any day (UTC) of the backtest
  cep::Duration span{7 * cep::kDayUs};    // of event time that the backtest covers at least
  cep::Duration within{7 * cep::kDayUs};  // after its end the backtest counts for so long
};
/// The backtests that are kept, the newest first.
using KnownBacktests = std::function<std::vector<std::shared_ptr<const BacktestRates>>()>;
/// Whether the declaration lets the rule be live, and the stage is live, for some keys at least.
bool is_live(const RuleText& rule, const Rollout& rollout);
/// Why the change from `before` to `after` at `now` is not passed; empty: it is. A rule is judged
/// if it becomes live, is let out for more keys, or has another text; all live rules are, if what
/// rules share is changed. The newest backtest of the live rules as they would be decides, of those
/// that are long and young enough and read to the end of the archive.
std::string why_too_many_alerts(const BacktestGate& gate, const RulePack& before,
                                const RulePack& after, const KnownBacktests& backtests,
                                cep::EventTime now);
}  // namespace tocsin::api

#include "api/rollout/backtest_gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/rules/rule_rollout.h"
#include "cep/plan/severity.h"

namespace tocsin::api {
namespace {
constexpr const char* kOverride = "an administrator can say `override=REASON`";

std::map<std::string, Rollout> live_rules(const RulePack& pack) {
  const std::map<std::string, Rollout> rollouts = pack.rollouts();
  std::map<std::string, Rollout> live;
  for (const RuleText& rule : pack.rules()) {
    const Rollout rollout = rollout_of(rollouts, rule.id);
    if (is_live(rule, rollout)) live[rule.id] = rollout;
  }
  return live;
}

// The live rules of the pack after a change, and those of them that the change is of.
struct Judged {
  PackDigests digests;
  std::vector<std::string> live, changed;
};
Judged judged(const RulePack& before, const RulePack& after) {
  const PackDigests was = before.digests();
  const std::map<std::string, Rollout> live_before = live_rules(before);
  Judged judged{after.digests(), {}, {}};
  for (const auto& [id, rollout] : live_rules(after)) {
    judged.live.push_back(id);
    const auto known = live_before.find(id);
    const bool is_as_it_was = was.shared == judged.digests.shared && known != live_before.end() &&
                              known->second.share.has_all_of(rollout.share) &&
                              was.rules.at(id) == judged.digests.rules.at(id);
    if (!is_as_it_was) judged.changed.push_back(id);
  }
  return judged;
}

bool is_of(const BacktestRates& backtest, const Judged& judged) {
  return backtest.shared == judged.digests.shared &&
         std::ranges::all_of(judged.live, [&](const std::string& id) {
           const auto rule = backtest.rules.find(id);
           return rule != backtest.rules.end() &&
                  rule->second.digest == judged.digests.rules.at(id);
         });
}

// Why a backtest of the right rules does not count; empty: it does.
std::string shortcoming(const BacktestGate& gate, const BacktestRates& backtest,
                        cep::EventTime now) {
  if (!backtest.to_the_end) return "has an end (`to`), and must read up to the newest event";
  const cep::Duration covered{backtest.last_event.us - backtest.first_event.us};
  constexpr std::int64_t kTolerance = 100;  // events do not come right at the edges
  if (covered.us < gate.span.us - gate.span.us / kTolerance) {
    return fmt::format("covers {} of event time, and {} are needed (rollout.backtest_span)",
                       cep::format_duration(covered), cep::format_duration(gate.span));
  }
  const cep::Duration age{now.us - backtest.ended_at.us};
  if (age > gate.within) {
    return fmt::format("ended {} ago, and counts for {} (rollout.backtest_within)",
                       cep::format_duration(age), cep::format_duration(gate.within));
  }
  return "";
}

std::string missing(const BacktestGate& gate, const std::string& rule, const std::string& best) {
  return fmt::format(
      "the rule {} needs a backtest of these rules, with no more than {} alerts on a day "
      "(rollout.backtest_alerts_per_day), before it becomes live: {}. Run `tocsin backtest RULES "
      "--server URL`, where RULES are the files of this change, or `live` for the rules that the "
      "server has; {}",
      rule, gate.alerts_per_day, best.empty() ? "none is kept" : best, kOverride);
}
}  // namespace

bool is_live(const RuleText& rule, const Rollout& rollout) {
  return rollout.stage == RuleStage::kLive &&
         rule.status.value_or(cep::Status::kLive) == cep::Status::kLive;
}

std::string why_too_many_alerts(const BacktestGate& gate, const RulePack& before,
                                const RulePack& after, const KnownBacktests& backtests,
                                cep::EventTime now) {
  const Judged rules = judged(before, after);
  if (rules.changed.empty()) return "";
  std::string nearly;  // what the newest of these rules lacks
  for (const auto& backtest : backtests ? backtests() : decltype(backtests())()) {
    if (!is_of(*backtest, rules)) continue;
    const std::string lacks = shortcoming(gate, *backtest, now);
    if (!lacks.empty()) {
      if (nearly.empty()) nearly = fmt::format("backtest {} {}", backtest->backtest, lacks);
      continue;
    }
    for (const std::string& id : rules.changed) {
      const BacktestRates::Rule& rule = backtest->rules.at(id);
      if (rule.on_that_day <= gate.alerts_per_day) continue;
      return fmt::format(
          "the rule {} raised {} alerts on {} in backtest {}, and may raise {} on a day "
          "(rollout.backtest_alerts_per_day): change it and run another backtest; {}",
          id, rule.on_that_day, cep::format_date(rule.busiest_day), backtest->backtest,
          gate.alerts_per_day, kOverride);
    }
    return "";
  }
  return missing(gate, rules.changed.front(), nearly);
}
}  // namespace tocsin::api

#include "api/backtest/backtest_report.h"

#include <utility>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::api {
SetFigures set_figures(const SetResult& result, const Labels* labels) {
  const runtime::RunSummary& summary = result.summary;
  SetFigures set;
  set.alerts = summary.alerts + summary.undelivered;
  set.suppressed = summary.engine.alerts_suppressed;
  set.budget_alerts = summary.budget_alerts;
  set.alerts_not_compared = result.tally.facts_left_out();
  const std::vector<std::uint64_t> keys =
      count_keys(result.tally.facts(), result.plan.rules.size());
  std::vector<library::RuleAnalysis> analyses;
  if (summary.profile) {
    analyses = library::analyse_rules(
        result.plan, {summary.profile->engine, summary.alerts_by_rule, summary.profile->totals});
  }
  const auto counts = [&](const LabelTally& tally) -> std::optional<LabelCounts> {
    if (labels == nullptr) return std::nullopt;
    return tally.counts(*labels, summary.first_event, summary.last_event);
  };
  for (std::size_t i = 0; i < result.plan.rules.size(); ++i) {
    const cep::Rule& rule = result.plan.rules[i];
    const RuleTally& tally = result.tally.rules()[i];
    RuleFigures& figures = set.rules.emplace_back();
    figures.id = rule.id;
    figures.title = rule.title;
    figures.status = rule.status;
    figures.alerts = tally.alerts;
    figures.keys = keys[i];
    figures.held_back = tally.held_back;
    figures.by_day = tally.by_day;
    figures.by_hour = tally.by_hour;
    figures.samples = tally.samples;
    if (!analyses.empty()) figures.analysis = std::move(analyses[i]);
    // Which events the engine is given depends on what other sets read.
    figures.analysis.events = summary.events;
    figures.labels = counts(tally.labels);
    if (result.tally.has_values()) figures.sums = tally.value;
  }
  set.labels = counts(result.tally.labels());
  if (result.tally.has_values()) set.sums = result.tally.value();
  return set;
}

std::vector<Change> rules_of_both(const cep::Plan& fresh, const cep::Plan& old) {
  std::map<std::string, std::uint32_t> old_rules;
  for (std::uint32_t i = 0; i < old.rules.size(); ++i) old_rules[old.rules[i].id] = i;
  std::vector<Change> both;
  for (std::uint32_t i = 0; i < fresh.rules.size(); ++i) {
    const auto found = old_rules.find(fresh.rules[i].id);
    if (found != old_rules.end()) both.push_back({i, found->second});
  }
  return both;
}

void compare_sets(const SetResult& fresh, const SetResult& old, BacktestReport& report) {
  report.changes = rules_of_both(fresh.plan, old.plan);
  count_changes({fresh.tally.facts(), fresh.tally.values()},
                {old.tally.facts(), old.tally.values()}, report.changes);
  report.overlaps = find_overlaps(fresh.tally.facts(), old.tally.facts());
}

void add_scenarios(const Labels& labels, const LabelTally& fresh, const LabelTally* old,
                   BacktestReport& report) {
  std::map<std::string, ScenarioFigures> scenarios;
  for (std::uint32_t i = 0; i < labels.cases().size(); ++i) {
    const LabelledCase& labelled = labels.cases()[i];
    if (!labelled.is_fraud) continue;
    const bool is_found = fresh.has_found(i);
    const bool is_found_by_old = old != nullptr && old->has_found(i);
    if (!is_found && !is_found_by_old &&
        !is_within(labelled, report.first_event, report.last_event)) {
      ++report.labels_outside;
      continue;
    }
    ScenarioFigures& scenario = scenarios[labelled.scenario];
    scenario.name = labelled.scenario;
    ++scenario.frauds;
    if (is_found) ++scenario.found;
    if (old != nullptr) {
      scenario.found_by_old = scenario.found_by_old.value_or(0) + (is_found_by_old ? 1 : 0);
    }
  }
  for (auto& [name, scenario] : scenarios) report.scenarios.push_back(std::move(scenario));
}
}  // namespace tocsin::api

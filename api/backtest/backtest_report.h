/// All that a backtest says, as data: text, JSON and HTML are made from it.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/backtest/alert_tally.h"
#include "api/backtest/alert_value.h"
#include "api/backtest/changed_samples.h"
#include "api/backtest/comparison.h"
#include "api/backtest/labels.h"
#include "cep/plan/plan_fwd.h"
#include "cep/plan/severity.h"
#include "cep/value/time.h"
#include "library/explain/rule_analysis.h"
#include "runtime/event_time/run_options.h"

namespace tocsin::api {
struct RuleFigures {
  std::string id;
  std::string title;
  cep::Status status = cep::Status::kLive;
  std::uint64_t alerts = 0;
  std::uint64_t keys = 0;
  std::uint64_t held_back = 0;
  std::map<std::int64_t, std::uint64_t> by_day;
  std::array<std::uint64_t, 24> by_hour = {};
  std::vector<SampleAlert> samples;
  library::RuleAnalysis analysis;  // what it looked at, what that took, what it keeps
  std::optional<LabelCounts> labels;
  std::optional<ValueTally> sums;  // where one is added up
};
/// A set of rules and what it raised.
struct SetFigures {
  std::vector<std::string> files;  // as the command line named them
  std::vector<RuleFigures> rules;  // by RuleIndex
  std::uint64_t alerts = 0;
  std::uint64_t suppressed = 0;           // matches, over all rules
  std::uint64_t budget_alerts = 0;        // of rules that exceeded a budget
  std::uint64_t alerts_not_compared = 0;  // beyond TallyOptions::facts_max
  std::optional<LabelCounts> labels;      // of all rules together
  std::optional<ValueTally> sums;         // of all rules together, where one is added up
};
/// Frauds of one scenario, and how many of them each set found.
struct ScenarioFigures {
  std::string name;  // empty: not said
  std::uint64_t frauds = 0;
  std::uint64_t found = 0;
  std::optional<std::uint64_t> found_by_old;
};
/// A rule with one bound replaced, or as it is written, for comparison.
struct VariantFigures {
  std::string rule;     // NAME of the rule that is varied
  std::string place;    // "rules/cards.tocsin:21:60"
  std::string written;  // what stands there
  std::string value;    // its literal
  std::string instead;  // the literal that stood there
  bool is_as_written = false;
  std::uint64_t alerts = 0;
  std::uint64_t keys = 0;
  std::optional<LabelCounts> labels;
  std::optional<ValueTally> sums;
};
struct VariationFigures {
  std::vector<VariantFigures> variants;  // by bound, each of which begins with what is written
  std::uint64_t left_out = 0;            // beyond --vary-max
  std::vector<std::string> refused;     // "PLACE: 5 instead of 3: MESSAGE" of what is no right rule
  std::vector<std::string> not_varied;  // rules that read the alerts of every rule
};
struct BacktestReport {
  std::vector<std::string> inputs;  // as the command line named them
  std::uint64_t events = 0;
  std::uint64_t late = 0;
  std::uint64_t rejected = 0;
  std::uint64_t ignored = 0;
  cep::EventTime first_event, last_event;
  double seconds = 0;
  std::string value;  // the field of alerts that is added up; empty: none
  SetFigures fresh;
  std::optional<SetFigures> old;
  std::vector<Change> changes;         // of rules of one id in both
  std::vector<ChangedAlerts> changed;  // examples of those, by their place
  std::vector<Overlap> overlaps;       // of rules of `fresh` and `old`
  std::vector<ScenarioFigures> scenarios;
  std::uint64_t labels_outside = 0;  // frauds of another time than the events'
  std::optional<VariationFigures> variation;
};

/// What one set came to.
struct SetResult {
  const cep::Plan& plan;
  const runtime::RunSummary& summary;
  const AlertTally& tally;
};
/// The figures of a set; `labels` null: none.
SetFigures set_figures(const SetResult& result, const Labels* labels);
/// The rules that both sets have, without counts.
std::vector<Change> rules_of_both(const cep::Plan& fresh, const cep::Plan& old);
/// Adds what needs both sets.
void compare_sets(const SetResult& fresh, const SetResult& old, BacktestReport& report);
/// Adds how many frauds of each scenario were found.
void add_scenarios(const Labels& labels, const LabelTally& fresh, const LabelTally* old,
                   BacktestReport& report);
}  // namespace tocsin::api

/// Sets of rules over events of the past: what `tocsin backtest` and the backtests of a server have
/// in common.
#pragma once
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/backtest/alert_tally.h"
#include "api/backtest/archive_input.h"
#include "api/backtest/backtest_report.h"
#include "api/backtest/changed_samples.h"
#include "api/backtest/labels.h"
#include "api/backtest/varied_rules.h"
#include "api/rules/rule_loader.h"
#include "cep/base/result.h"
#include "cep/engine/engine.h"
#include "runtime/event_time/run.h"

namespace tocsin::api {
/// A set of rules, checked and compiled: it has a program.
struct RuleSet {
  std::vector<std::string> named;  // as reports name them
  LoadedRules loaded;
};
/// Why the set cannot be run although it has no error; nothing where it can.
std::optional<std::string> nothing_to_run(const RuleSet& set);
/// All that is run, and what it is held against.
struct BacktestRules {
  RuleSet fresh;
  std::optional<RuleSet> old;
  std::optional<Labels> labels;
  std::optional<VariedRules> varied;
};
/// Why no alert of these rules has a number in this field, and what to name instead; nothing where
/// it can be added up.
std::optional<std::string> why_no_value(std::string_view field, const BacktestRules& rules);
/// What is read: files, or an archive.
struct BacktestInput {
  std::vector<std::string> names;  // as reports name it; of files their paths
  const ArchiveInput* archive = nullptr;
};

/// Threading: one caller at a time.
class Backtest {
 public:
  /// `rules` must outlive it.
  Backtest(const BacktestRules& rules, const TallyOptions& tally);
  /// How often run() reads the input: once for all rules with the same event types.
  std::size_t readings() const { return readings_.size(); }
  /// Runs all rules. `sinks.alert` gets the alerts of `fresh`; what is set aside is that of the
  /// first reading; progress is of all. Fails as runtime::run_together().
  Result<void> run(const BacktestInput& input, const runtime::RunOptions& options,
                   const runtime::Sinks& sinks);
  /// What the first reading came to. Requires run().
  const runtime::RunSummary& summary() const { return sets_.front().summary; }
  /// What of an archive was not read, also where run() failed.
  const ArchiveNotes& notes() const { return notes_; }
  /// Requires run().
  BacktestReport report() const;

 private:
  // A program while it runs over the past, and afterwards.
  struct Set {
    Set(const cep::Program& of, const Labels* labels, const TallyOptions& options)
        : program(of), tally(of.plan(), labels, options) {}
    SetResult result() const { return {program.plan(), summary, tally}; }

    const cep::Program& program;
    AlertTally tally;
    runtime::RunSummary summary;
    bool is_profiled = true;
  };
  Result<void> read(std::size_t number, const BacktestInput& input,
                    const runtime::RunOptions& options, const runtime::Sinks& sinks);
  const Labels* labels() const { return rules_.labels ? &*rules_.labels : nullptr; }

  const BacktestRules& rules_;
  const std::string value_;                  // TallyOptions::value
  std::optional<ChangedSamples> changed_;    // where there are two sets
  std::deque<Set> sets_;                     // fresh, old, varied
  std::vector<std::vector<Set*>> readings_;  // those that are read alike
  std::vector<std::string> inputs_;
  ArchiveNotes notes_;
};
}  // namespace tocsin::api

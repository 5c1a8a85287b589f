/// Alerts of rules whose suppression is by other values than the rule's key (`for each`). What
/// passes depends on all keys, so that it is decided after the pass, in the order of the alerts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cep/compile/program.h"
#include "cep/data/alert.h"
#include "cep/pattern/value_suppression.h"
#include "cep/record/budget.h"
#include "cep/record/engine_stats.h"
#include "cep/record/suppression.h"

namespace tocsin::cep {
/// The matches of one rule and key at one event or deadline, or the end of a quiet time.
struct DeferredMatches {
  struct Match {
    Alert alert;
    std::string once_key;  // the values of `once`, as bytes
    std::string most_key;  // … of `at most`
    MatchFacts facts;
    bool is_muted = false;  // there is no alert (Engine::mute_from)
  };
  OrderKey order;
  const RuleProgram* rule = nullptr;
  bool resets = false;         // the quiet time of `once_key` ends
  bool only_one = false;       // the first that passes becomes the alert
  std::vector<Match> matches;  // in their order
  std::string once_key;
};

/// What one table's rules have deferred, and what they suppress by values.
class DeferredAlerts {
 public:
  DeferredAlerts(const ProgramImpl& program, EngineStats& stats, BudgetLog& budgets)
      : program_(program), stats_(stats), budgets_(budgets) {}
  /// Takes matches to decide on.
  void add(DeferredMatches matches) { deferred_.push_back(std::move(matches)); }
  /// All rows and deadlines of the slice up to the watermark have been worked through: appends the
  /// alerts that pass. With `upto`, those that have been worked through are the ones whose cause
  /// and level come no later.
  void settle(std::vector<Alert>& alerts, const OrderKey* upto = nullptr);
  /// What settle() has yet to decide on, in the order in which it came, and forgets it.
  std::vector<DeferredMatches> take() { return std::exchange(deferred_, {}); }
  /// Takes what settle() has yet to decide on from that of other keys of the table.
  void take_unsettled(DeferredAlerts& other);
  /// Where the first is in the order that settle() has not yet decided on; null when there is none.
  /// Valid until the next call.
  const OrderKey* first_unsettled() const;
  /// What the rule's clause `once` (`at_most`: that one) suppresses by values.
  ValueSuppression& by_value(RuleIndex rule, bool at_most);
  /// From now on what is suppressed by values keeps account of its changes.
  void track_changes();
  /// Frees what is suppressed by values and over at `now_us`, of some of the values.
  void sweep_values(std::int64_t now_us);
  /// How many values have something suppressed.
  std::size_t values() const;
  /// Bytes of memory of what is suppressed by values.
  std::size_t bytes() const;
  /// Frees all that is suppressed by values: time has ended.
  void end();

 private:
  void settle_one(DeferredMatches& deferred, std::uint32_t& ordinal, std::vector<Alert>& alerts);
  void keep_quiet(const DeferredMatches& deferred, const std::string& values);

  const ProgramImpl& program_;
  EngineStats& stats_;
  BudgetLog& budgets_;
  std::vector<DeferredMatches> deferred_;
  // By rule.
  std::map<std::uint32_t, ValueSuppression> once_by_value_;
  std::map<std::uint32_t, ValueSuppression> most_by_value_;
  bool tracks_ = false;
};
}  // namespace tocsin::cep

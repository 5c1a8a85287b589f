/// From matches to alerts: `having`, `except`, `once` and `at most`. A match whose suppression is
/// by other values than the rule's key is deferred.
#pragma once
#include <cstddef>

#include "cep/eval/row_memo.h"
#include "cep/pattern/complete_matches.h"
#include "cep/pattern/current_pattern.h"
#include "cep/pattern/deferred_alerts.h"
#include "cep/pattern/key_suppression.h"
#include "cep/pattern/lost_runs.h"
#include "cep/record/budget.h"
#include "cep/record/feature_reader.h"
#include "cep/value/value.h"

namespace tocsin::cep {
class PatternAlerts {
 public:
  /// Gives alerts of the rule and key of `current`; `matches` are its complete ones.
  PatternAlerts(CurrentPattern& current, CompleteMatches& matches, LostRuns& lost,
                KeySuppression& suppression, DeferredAlerts& deferred, GroupBudgets& groups)
      : current_(current),
        matches_(matches),
        lost_(lost),
        suppression_(suppression),
        deferred_(deferred),
        groups_(groups) {}
  /// The default selection and `no skip`: raises an alert of each of the candidates, which are in
  /// their order, that passes, or of the first. `at` is their place in the order of alerts.
  void give_candidates(const OrderKey& at);
  /// Whether a match passes `having`.
  bool passes(const CompleteMatch& match);
  bool passes(const MatchCandidate& candidate);
  /// Whether `once` by time holds back what the current event completes; then it counts a match.
  bool is_suppressed();
  /// Raises an alert of a selected match, unless `except`, `once` or `at most` suppress it. `order`
  /// goes on with each alert.
  void give(const CompleteMatch& match, OrderKey& order);
  /// `once while C`: the quiet time ends with an event at which C is not true.
  void look_at_quiet();
  /// The scope in which expressions on a match are evaluated, and its last event.
  const EvalScope& scope_of(const MatchCandidate& candidate);
  EventView last_of(const MatchCandidate& candidate) const;

 private:
  // Features as they were at a match's last event.
  class StoredFeatures : public FeatureReader {
   public:
    void begin(const RuleProgram& rule, const std::byte* block);
    const Value& read(FeatureIndex feature) override;

   private:
    const RuleProgram* rule_ = nullptr;
    const std::byte* block_ = nullptr;
    Value value_;
  };
  bool passes(const EvalScope& scope, const EventView& last);
  bool is_excepted(const EvalScope& scope, const EventView& last, EventTime time);
  MatchFacts facts_of(const MatchCandidate& candidate, const EvalScope& scope,
                      const EventView& last, EventTime time);
  void raise(const MatchCandidate& candidate, const MatchFacts& facts, OrderKey& order);
  void add_deferred(DeferredMatches& deferred, const MatchCandidate& candidate);

  CurrentPattern& current_;
  CompleteMatches& matches_;
  LostRuns& lost_;
  KeySuppression& suppression_;
  DeferredAlerts& deferred_;
  GroupBudgets& groups_;
  StoredFeatures stored_features_;
  RowMemo memo_;  // of `having` and exceptions: each match may have a last event of its own
};
}  // namespace tocsin::cep

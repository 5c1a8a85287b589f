/// From complete matches to alerts, at an event and at a deadline: `having`, the selection (the
/// default, `no skip`, `skip past last`) and `once`.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/eval/row_memo.h"
#include "cep/match/current_runs.h"
#include "cep/match/run_losses.h"

namespace tocsin::cep {
/// Invariant: matches of one first event are selected in their order, whatever order they come in.
class RunSelection {
 public:
  /// Selects among `completed`, which are of the current rule, key and event.
  RunSelection(CurrentRuns& current, RunLosses& losses, std::vector<CompletedRun>& completed)
      : current_(current), losses_(losses), completed_(completed) {}
  /// Gives alerts of the matches that the event completes. Whether `skip past last` selected one.
  bool give_completed();
  /// The same of one match, whatever else was completed.
  bool give(const CompletedRun& match) {
    completed_.assign(1, match);
    return give_completed();
  }
  /// Gives alerts of matches whose deadline is `order`; sorts them, and drops those for which the
  /// steps do not suffice. The place of the one that `skip past last` selected, else -1.
  std::ptrdiff_t give_due(std::vector<Run>& due, const OrderKey& order);
  /// Whether `once` suppresses what completes at this time.
  bool is_suppressed(std::int64_t time_us) const {
    return current_.rule->once && !current_.once.lets_pass(*current_.rule->once, time_us);
  }
  /// Counts a match that is suppressed.
  void suppress();

 private:
  template <typename ScopeOf, typename LastOf>
  std::ptrdiff_t select(std::size_t count, OrderKey order, ScopeOf&& scope_of, LastOf&& last_of);
  void mark_alerted();
  void raise(const EvalScope& scope, const EventView& last, OrderKey& order);

  bool passes(const EvalScope& scope, const EventView& last);

  CurrentRuns& current_;
  RunLosses& losses_;
  std::vector<CompletedRun>& completed_;
  RowMemo memo_;    // of `having`, at an event: the last one of all matches
  RowMemo unkept_;  // at a deadline, where each has its own
};
}  // namespace tocsin::cep

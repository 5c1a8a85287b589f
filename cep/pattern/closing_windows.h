/// Windows that close: what is collected is a partial match of one step, given at the window's end.
#pragma once
#include <cstdint>

#include "cep/pattern/complete_matches.h"
#include "cep/pattern/current_pattern.h"
#include "cep/pattern/lost_runs.h"
#include "cep/pattern/match_selection.h"
#include "cep/pattern/node_writer.h"
#include "cep/pattern/pattern_alerts.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
class ClosingWindows {
 public:
  /// Works on the window of the rule and key of `current`.
  ClosingWindows(CurrentPattern& current, NodeWriter& nodes, CompleteMatches& matches,
                 LostRuns& lost, PatternAlerts& alerts, MatchSelection& selection,
                 GroupBudgets& groups)
      : current_(current),
        nodes_(nodes),
        matches_(matches),
        lost_(lost),
        alerts_(alerts),
        selection_(selection),
        groups_(groups) {}
  /// Collects the current event; opens a window where none is open.
  void on_event();
  /// Time has reached a deadline: gives the window if it ends there.
  void on_deadline(const Timer& timer);
  /// Sets the deadline of the open window, whose end is set.
  void arm();
  /// Drops the open window.
  void drop();
  /// EngineStats::budget_work of this.
  std::uint64_t work() const { return meter_.work(); }

 private:
  void keep_to_budget();
  void drop_oldest_half(BudgetCause cause);

  CurrentPattern& current_;
  NodeWriter& nodes_;
  CompleteMatches& matches_;
  LostRuns& lost_;
  PatternAlerts& alerts_;
  MatchSelection& selection_;
  GroupBudgets& groups_;
  BudgetMeter meter_;
};
}  // namespace tocsin::cep

/// Offers the current event to a key's partial matches of the current rule and to a fresh one:
/// drafts what becomes of them.
///
/// Where partial matches may need more steps (cep/eval/steps.h) than there are, the event is
/// offered to the newest first, and the oldest, to which it cannot be offered any more, are
/// dropped: an event that they do not see could make them wrong.
#pragma once
#include <cstdint>
#include <span>

#include "cep/match/current_runs.h"
#include "cep/match/run_conditions.h"
#include "cep/match/run_losses.h"

namespace tocsin::cep {
/// Invariant: what is drafted ascends by first event, as partial matches do.
class RunOffers {
 public:
  /// Drafts into `drafted`.
  RunOffers(CurrentRuns& current, RunConditions& conditions, RunLosses& losses,
            DraftedRuns& drafted)
      : current_(current), conditions_(conditions), losses_(losses), drafted_(drafted) {}
  /// A new current event, or another rule at it: nothing is drafted.
  void begin() {
    drafted_.runs.clear();
    drafted_.completed.clear();
    changed_ = any_live_ = false;
    over_by_us_ = current_.over_by_us();
  }
  /// Offers the event to the state's runs, which are at `runs`, and to a fresh one if it may start.
  void offer_all(const Run* runs, bool may_start);
  /// Offers the event, which concerns none of the state's runs, to a fresh one if it may start.
  void pass_by(bool may_start);
  /// Whether the row, which begins nothing, surely leaves these few runs of the rule as they are:
  /// none is over, and it fits no step that one may take, and no absence.
  static bool leaves_all(const RuleProgram& rule, const CurrentRow& row, std::span<const Run> runs);
  /// Whether the event may concern a run: a step that one may wait for takes it, or an absence
  /// forbids it.
  bool concerns_runs();
  /// Whether a run is another than before, or has ended.
  bool changed() const { return changed_; }

 private:
  std::uint64_t offer_newest_first(const Run* runs, bool may_start);
  bool may_run_out() const;
  bool is_over(const Run& run) const {
    return (run.flags() & Run::kFinal) == 0 && run.first_time_us <= over_by_us_;
  }
  void offer_start();
  void offer(const Run& run, std::uint32_t place);
  void take(const Run& parent, std::uint32_t from, std::uint32_t step, std::uint32_t count,
            bool killed);

  CurrentRuns& current_;
  RunConditions& conditions_;
  RunLosses& losses_;
  DraftedRuns& drafted_;
  bool changed_ = false;
  bool any_live_ = false;  // of the partial matches before the current event
  std::int64_t over_by_us_ = CurrentRuns::kDead;
};
}  // namespace tocsin::cep

/// Keys that have more partial matches of a rule with `all of` than a few. They are matched by the
/// events that fit its members, where the rule allows it (cep/places/members.h). A key becomes a
/// busy one at an event that gives it too many partial matches, and ceases to be one when nothing
/// of them is left.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/pattern/current_pattern.h"
#include "cep/pattern/lost_runs.h"
#include "cep/pattern/match_selection.h"
#include "cep/pattern/step_conditions.h"
#include "cep/places/members.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
/// Each function but make() requires that the current key is such a one.
class MembersMatcher {
 public:
  /// Works on the rule and key of `current`.
  MembersMatcher(CurrentPattern& current, StepConditions& conditions, LostRuns& lost,
                 MatchSelection& selection, GroupBudgets& groups)
      : current_(current),
        conditions_(conditions),
        lost_(lost),
        selection_(selection),
        groups_(groups) {}
  /// Offers the current event. False where all is over by then: the key is an ordinary one again,
  /// and the event is yet to be offered.
  bool on_event();
  /// The key's partial matches become what their events fit.
  void make();
  /// Until when something of the key matters, once what is over at `now_us` is dropped:
  /// CurrentPattern::kDead when that is all.
  std::int64_t expiry(std::int64_t now_us);
  /// Appends the events that began a match that may go on at `now_us`. Gives how many events the
  /// key has; 0 if there is no partial match.
  std::uint64_t live_runs(std::int64_t now_us, std::vector<LiveRun>& runs) const;
  /// Drops so many of the oldest that live on, for a budget of their group.
  void drop_starts(std::int64_t now_us, std::size_t count);

 private:
  bool keep_event(Members& members);
  void keep_to_budget();
  void drop_older_starts();
  void end();

  CurrentPattern& current_;
  StepConditions& conditions_;
  LostRuns& lost_;
  MatchSelection& selection_;
  GroupBudgets& groups_;
  std::vector<std::uint32_t> fitting_;  // steps that the current event fits
};
}  // namespace tocsin::cep

/// Keys that have more partial matches of a rule than a few, or a long one, are matched by places,
/// where the rule is steps in a row, and the general matcher's for `until`, `greedy` or a clause
/// alone (PatternProgram::sequence, cep/places/places.h). As with the simple methods, a key becomes
/// a busy one at an event that gives it too many partial matches, which its places then hold, and
/// ceases to be one when nothing of them is left.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/pattern/current_pattern.h"
#include "cep/pattern/lost_runs.h"
#include "cep/pattern/match_selection.h"
#include "cep/pattern/node_writer.h"
#include "cep/pattern/step_conditions.h"
#include "cep/places/places_match.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
/// Each function but make() requires that the key is such a one.
class SequenceMatcher {
 public:
  /// Works on the rule and key of `current`.
  SequenceMatcher(CurrentPattern& current, StepConditions& conditions, NodeWriter& nodes,
                  LostRuns& lost, MatchSelection& selection, GroupBudgets& groups)
      : current_(current),
        conditions_(conditions),
        nodes_(nodes),
        lost_(lost),
        selection_(selection),
        groups_(groups) {}
  /// Offers the current event. False where all is over by then: the key is an ordinary one again,
  /// and the event is yet to be offered.
  bool on_event();
  /// Makes the key a busy one where it has many more partial matches than `runs_before` the event,
  /// or one that has become long.
  void make(std::size_t runs_before);
  /// Until when something of the key's state `of` matters, once what is over at `now_us` is
  /// dropped: CurrentPattern::kDead when that is all.
  std::int64_t expiry(const RuleProgram& rule, PatternState& of, std::int64_t now_us);
  /// Appends the events that began a match that may go on at `now_us`. Gives how many events the
  /// key has; 0 if there is none of those.
  std::uint64_t live_runs(const RuleProgram& rule, PatternState& of, std::int64_t now_us,
                          std::vector<LiveRun>& runs) const;
  /// Drops so many of the oldest that live on, for a budget of their group.
  void drop_runs(const RuleProgram& rule, PatternState& of, std::int64_t now_us,
                 std::uint64_t count);

 private:
  class SequenceRow;
  const RuleProgram& sequence() const { return *current_.pattern->sequence; }
  bool has_long_run() const;
  bool give(const PlacesMatch& match, const PlacesPart& part);
  void keep_to_budget();

  CurrentPattern& current_;
  StepConditions& conditions_;
  NodeWriter& nodes_;
  LostRuns& lost_;
  MatchSelection& selection_;
  GroupBudgets& groups_;
  std::vector<std::uint64_t> match_words_;  // nodes and events of a match
};
}  // namespace tocsin::cep

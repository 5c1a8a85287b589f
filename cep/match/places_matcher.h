/// Matches keys that have more partial matches of a rule than a few, by places, where the rule
/// allows it (cep/places/places.h). A key becomes a busy one at an event that gives it too many
/// partial matches, which its places then hold, and ceases to be one when nothing of them is left.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/match/current_runs.h"
#include "cep/match/run_conditions.h"
#include "cep/match/run_losses.h"
#include "cep/match/run_selection.h"
#include "cep/places/places_match.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
/// Invariant: what a busy key gives is what its runs would give.
class PlacesMatcher {
 public:
  PlacesMatcher(CurrentRuns& current, RunConditions& conditions, RunLosses& losses,
                RunSelection& selection, GroupBudgets& groups)
      : current_(current),
        conditions_(conditions),
        losses_(losses),
        selection_(selection),
        groups_(groups) {}
  /// Offers the current event to a busy key, whose state the record has at `entry`. False where all
  /// is over by the event: then the key is an ordinary one again, and nothing was offered.
  bool on_event(const OperatorEntry& entry);
  /// Whether a key that had so many runs before the event, and has these drafts as its runs now,
  /// becomes a busy one.
  bool becomes_busy(std::uint32_t runs_before, const std::vector<Draft>& drafts) const;
  /// Makes the key's runs places. False where they do not say all that places have to know.
  bool make_busy();
  /// Of a busy key: until when it matters, as Matcher::expiry() gives it; drops what has expired,
  /// and makes it an ordinary one where nothing is left.
  std::int64_t expiry(const RuleProgram& rule, PatternPool& patterns, RuleHeader& header,
                      std::int64_t now_us);
  /// Appends a busy key's partial matches, as Matcher::live_runs() does. The events that they hold.
  std::uint64_t live_runs(const RuleProgram& rule, PatternPool& patterns, const RuleHeader& header,
                          std::int64_t now_us, std::vector<LiveRun>& runs) const;
  /// Drops the oldest `count` of those.
  void drop_live_runs(const RuleProgram& rule, PatternPool& patterns, RuleHeader& header,
                      std::int64_t now_us, std::size_t count);
  /// Gives back what a busy key has outside its record.
  void release(PatternPool& patterns, const RuleHeader& header);

 private:
  bool give_match(PlacesState& state, const PlacesMatch& match, const PlacesPart& part);
  void keep_to_budget(PlacesState& state);
  void drop_older_starts(PlacesState& state);

  CurrentRuns& current_;
  RunConditions& conditions_;
  RunLosses& losses_;
  RunSelection& selection_;
  GroupBudgets& groups_;
  std::vector<std::uint64_t> match_words_;  // nodes and events of a match
};
}  // namespace tocsin::cep

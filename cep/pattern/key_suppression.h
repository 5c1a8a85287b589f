/// `once` and `at most` by the rule's own key, and the events of a variable that alerts have taken.
#pragma once
#include <optional>
#include <vector>

#include "cep/pattern/complete_matches.h"
#include "cep/pattern/current_pattern.h"
#include "cep/record/suppression.h"

namespace tocsin::cep {
class KeySuppression {
 public:
  /// `matches` are those of the current rule and key.
  KeySuppression(CurrentPattern& current, const CompleteMatches& matches)
      : current_(current), matches_(matches) {}
  /// Whether a match with these facts becomes an alert.
  bool lets_pass(const MatchCandidate& candidate, const MatchFacts& facts) const;
  /// Counts a match that does not, at this time.
  void hold_back(const MatchCandidate& candidate, EventTime time);
  /// `unless alerted by`: the rule raises or suppresses an alert at the current event.
  void mark_alerted();
  /// The events of the variable of `once per VARIABLE` in a match, in their order.
  std::vector<VariableEvent> variable_events(const MatchCandidate& candidate) const;
  /// An alert has taken these events of a match.
  void note_variable_events(const MatchCandidate& candidate);
  /// Drops events that no partial match and no match has from those that were taken.
  void keep_taken();

 private:
  class VariableChain;
  Offset last_of_variable(Offset head) const;
  VariableEvent variable_event(Offset at) const;
  std::optional<VariableEvent> variable_event_here(const MatchCandidate& candidate) const;
  bool shares_variable_event(const MatchCandidate& candidate) const;
  void take_variable_event(const VariableEvent& event);
  void forget_taken();

  CurrentPattern& current_;
  const CompleteMatches& matches_;
};
}  // namespace tocsin::cep

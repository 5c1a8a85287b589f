/// Matching of rules whose events follow each other directly (`then next`, Method::kStrict), a
/// fixed number of them: all partial matches of a key end with its last event, so that a bit for
/// each rule and length says which are alive, and the key's last events are all that they have
/// taken. Rules that count the same events share them and are advanced together: a test of an event
/// and one before it is made once for all rules and lengths that ask it. Equal to what runs would
/// give; no node, no run.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "cep/match/current_runs.h"
#include "cep/match/run_conditions.h"
#include "cep/match/run_selection.h"

namespace tocsin::cep {
/// What a pair of a strict group reads at the current event.
struct StrictWords {
  enum State : std::uint8_t { kNumber, kText, kUnknown };
  std::int64_t left = 0;
  std::int64_t right = 0;
  std::uint64_t event = 0;  // that it was read for, by number; 0: none
  State state = kUnknown;
};

/// Invariant: what a group gives is what the runs of each of its rules would give.
class StrictMatcher {
 public:
  StrictMatcher(CurrentRuns& current, RunConditions& conditions, RunSelection& selection)
      : current_(current), conditions_(conditions), selection_(selection) {}
  /// Offers the row to a group of strict rules.
  void on_event(const StrictGroup& group, const MatchContext& context, CurrentRow& row);
  /// Until when the group's state of a key matters, as Matcher::expiry() gives it. Drops partial
  /// matches that have expired.
  std::int64_t expiry(const StrictGroup& group, std::byte* record, Offset place,
                      std::int64_t now_us);

 private:
  using Masks = std::array<std::uint32_t, kStrictStepsMax>;  // by step: rules of the group
  static bool find_takes(const StrictGroup& group, const CurrentRow& row,
                         const std::uint32_t* alive, std::uint32_t reached, Masks& takes);
  std::uint32_t advance(const StrictGroup& group, const MatchContext& context, CurrentRow& row,
                        const Offset* events, std::uint32_t reached, Masks& masks);
  void ask(const StrictGroup& group, const Masks& unsure, std::uint32_t reached, Masks& fitting,
           const Offset* events);
  bool give(const RuleProgram& rule, const Offset* events);
  void set_window(std::uint32_t step, const Offset* events);
  void keep_event(const StrictGroup& group, std::uint32_t op, CurrentRow& row, Offset state_place,
                  const Masks& alive);

  CurrentRuns& current_;
  RunConditions& conditions_;
  RunSelection& selection_;
  std::array<Offset, kStrictStepsMax> window_{};  // a rule's events by step
  // The current event, captured, and the key's events before it.
  std::array<const KeptEvent*, kStrictStepsMax> latest_{};
  std::vector<StrictWords> words_;  // by pair of a group
  std::uint64_t events_ = 0;        // that groups have tested, ever
};
}  // namespace tocsin::cep

/// A loop whose events come within a time of its first one (PlacesReach), as a busy key has it.
///
/// Of events that came in time, those that a first event's loop takes are all up to the first one
/// that is too late for it. So an event may end the loops of an interval of first events: from the
/// first that it is early enough for, up to the last whose loop has enough by then. Both ends
/// ascend (cep/places/places.h).
///
/// An event that came late has an earlier time than its place among the others says. The loop of a
/// first event may then have gaps: the key is **scattered**, its last events are not known, and the
/// events of each first event are gone through, the oldest first, until no such event is left.
/// First events stay until `within` is over, since a late event may go on with any of them.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "cep/compile/program.h"
#include "cep/places/places_match.h"
#include "cep/record/places_state.h"

namespace tocsin::cep {
class ReachedLoop {
 public:
  using TakeStep = std::function<bool()>;  // as PlacesEvent::take_step()
  /// Of a rule with a reach, at a key whose events are those of `state`.
  ReachedLoop(const RuleProgram& rule, PlacesState& state)
      : rule_(rule),
        state_(state),
        part_(state.whole),
        loop_(state.whole.loops.front()),
        firsts_(state.whole.places[0].ring),
        lasts_(state.whole.places[1]) {}
  /// The event that the loop took last, as the last of a loop; absent where no loop may end with
  /// it, or the key is scattered, or will be by this event.
  std::optional<PlaceEntry> end();
  /// To be called when events have come or gone, and no match is to be found: a key becomes
  /// scattered, or gets its last events again.
  void follow();
  /// Makes all but the first events and those that the loop took anew.
  void make();
  /// How many events the loop of a first event took.
  std::uint64_t count_from(const PlaceEntry& first) const;
  /// At a scattered key: of the matches that the current event completes, the one that comes first
  /// in order. Each event that is looked at takes a step; absent where there is no match, or no
  /// step is left to find it.
  std::optional<PlacesMatch> match(const TakeStep& take_step) const;

 private:
  class Window;
  bool has_late() const {
    return !loop_.taken.empty() && loop_.taken.back().late != loop_.late_base;
  }
  std::int64_t time_of(std::uint64_t event) const { return state_.log[event].ts().us; }
  bool reaches(const PlaceEntry& first, std::uint64_t taken) const;
  bool has_enough(const PlaceEntry& first) const;
  std::optional<PlaceEntry> entry(std::uint64_t taken) const;
  std::optional<std::vector<std::uint64_t>> events_from(const PlaceEntry& first,
                                                        const TakeStep& take_step) const;

  const RuleProgram& rule_;
  PlacesState& state_;
  PlacesPart& part_;
  LoopRecord& loop_;
  Ring<PlaceEntry>& firsts_;
  PatternPlace& lasts_;
};
}  // namespace tocsin::cep

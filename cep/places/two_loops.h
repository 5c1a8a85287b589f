/// The match that comes first in order, for rules with two loops: steps reached by `then`, without
/// absences, and loops without an upper count (places_of() in cep/compile).
///
/// The first loop takes all its events from the earliest on, and the second all up to the latest.
/// What is open is the border: the event with which the second loop begins. The first then ends
/// with the latest event that leaves room for the steps in between. So the matches that end with an
/// event differ in one number, and *last of the first less first of the second* says how long they
/// are, whichever first event they have. The greatest of a range of these is kept ready
/// (RangeLeast), so that a match costs a search and not a walk through its events.
///
/// Of several that are equally long, earlier events decide, then earlier steps. Where both loops
/// take the same events, the match with the next border has the same events at earlier steps: it
/// **outdoes** the one before it. So only the last border of such a stretch counts (`ends`), and
/// those are compared event by event.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/compile/program.h"
#include "cep/places/places_match.h"
#include "cep/record/places_state.h"

namespace tocsin::cep {
class TwoLoops {
 public:
  TwoLoops(const RuleProgram& rule, PlacesPart& part);
  /// Looks at what the part took since the last time.
  void follow();
  /// The match with these entries of the least way (cep/places/places.h); the last is the current
  /// event's.
  PlacesMatch match(const std::vector<const PlaceEntry*>& least);

 private:
  // An event of a match.
  struct Listed {
    std::uint64_t event = 0;
    std::uint32_t step = 0;
  };
  // The events of a match from one event of its first loop on, up to the second loop's border.
  class Head;
  std::uint32_t place_of(std::uint32_t step) const { return rule_.places->first_place[step]; }
  const Ring<PlaceEntry>& entries(std::uint32_t step) const {
    return part_.places[place_of(step)].ring;
  }
  Ring<LoopEvent>& first_taken() const { return part_.loops[0].taken; }
  Ring<LoopEvent>& second_taken() const { return part_.loops[1].taken; }
  void look_before(std::uint32_t step, std::uint64_t event);
  std::uint64_t next_single(std::uint32_t step, std::uint64_t event) const;
  bool is_outdone(std::uint64_t a) const;
  // How one of two matches compares with one that has a later border.
  enum class Order { kLater, kEarlier, kEarlierThanAll };
  Order compare(std::uint64_t a, std::uint64_t b) const;
  std::uint64_t border(std::uint64_t from, std::uint64_t to) const;

  const RuleProgram& rule_;
  PlacesPart& part_;
  LoopBorders& borders_;
  std::uint32_t first_;  // the steps that are loops
  std::uint32_t second_;
};
}  // namespace tocsin::cep

/// The match that comes first in order, for rules with three loops or more: steps reached by
/// `then`, without absences, and loops without an upper count (places_of() in cep/compile).
///
/// All matches of one first event are alike but for where one loop ends and the next begins. An
/// item is an event that a step may take; for each the longest list that ends with it is known:
///
/// - a step that takes one event follows the longest list of the step before that ended earlier;
/// - a loop begins with the item f for which *length before f* minus *number of f* is greatest, as
///   it takes all items from there on. Where two are equally good, the lists are compared, a step
///   of one with a step of the other: two loops that are at the same event go together up to the
///   first event that only one of them took (`differences`), which is found by a search.
///
/// A list of the step before gets longer with each event that its loop takes, so that the longest
/// is the latest; and of equally long ones the first found has the earlier events.
///
/// What is known grows with the events. It is made anew when another first event is asked for.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/compile/program.h"
#include "cep/places/places_match.h"
#include "cep/record/longest_lists.h"
#include "cep/record/places_state.h"

namespace tocsin::cep {
class LongestMatch {
 public:
  LongestMatch(const RuleProgram& rule, PlacesPart& part);
  /// The match from entry `start` of the first place to `end`, the current event's entry at the
  /// last place. It must exist.
  PlacesMatch match(const PlaceEntry& start, const PlaceEntry& end);

 private:
  // What a step took of a list: its items [begin, end).
  struct Stretch {
    std::uint32_t step = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  void begin(const PlaceEntry& start);
  void extend(std::uint32_t step);
  void add_single(std::uint32_t step, std::uint64_t item);
  void add_to_loop(std::uint32_t step, std::uint64_t item);
  void look_before(std::uint32_t step, std::uint64_t event);
  bool comes_first(std::uint32_t step, std::uint64_t a, std::uint64_t b);
  void list(std::uint32_t step, std::uint64_t item, std::vector<Stretch>& stretches) const;
  std::uint64_t common(const Stretch& one, const Stretch& other);
  const std::vector<std::uint64_t>& difference(std::uint32_t one, std::uint32_t other);
  std::uint64_t event_of(std::uint32_t step, std::uint64_t item) const;
  std::uint64_t items_end(std::uint32_t step) const;
  std::uint64_t before_end(const PlaceEntry& end);
  std::uint32_t place_of(std::uint32_t step) const { return rule_.places->first_place[step]; }

  const RuleProgram& rule_;
  PlacesPart& part_;
  LongestLists& lists_;
  std::vector<Stretch> one_;  // lists that are compared
  std::vector<Stretch> other_;
};
}  // namespace tocsin::cep

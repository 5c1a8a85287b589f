/// The paths of a pattern: the sequences of steps that its matches may take. What a busy key
/// remembers of a rule with optional steps or groups is places of such paths (cep/places/paths.h).
///
/// The paths share their beginnings, so that they are a tree. Each **place** of the tree stands for
/// a step after all that a path took before it. Alternatives that are reached alike and after which
/// the same may follow are one place, with several steps: an event takes the first that it fits.
#pragma once
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "cep/plan/contiguity.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// Places of one rule: each is looked at for each event.
inline constexpr std::size_t kPathPlacesMax = 64;

struct PathPlace {
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::uint32_t parent = kNone;      // the place before it; kNone: a match begins here
  std::vector<std::uint32_t> steps;  // of the pattern, ascending
  // Of a place with a parent: how its event follows that of the parent.
  Contiguity contiguity = Contiguity::kAny;
  std::optional<Duration> gap;
  std::vector<std::uint32_t> absences;  // of the pattern
  bool completes = false;               // a match may end here
  bool goes_on = false;                 // it is some place's parent
  /// An entry with the same latest first event as the entry before it adds nothing.
  bool omits_equals = false;
  /// By the pattern's transition out of one of its steps: the place that it leads to.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> next;
};
struct PathsProgram {
  std::vector<PathPlace> places;  // each behind its parent
  std::uint32_t root_count = 0;   // places without a parent

  /// The place behind `parent` (kNone: among the first ones) that has the step.
  std::optional<std::uint32_t> place_of(std::uint32_t parent, std::uint32_t step) const {
    for (std::uint32_t i = 0; i < places.size(); ++i) {
      if (places[i].parent != parent) continue;
      for (const std::uint32_t own : places[i].steps) {
        if (own == step) return i;
      }
    }
    return std::nullopt;
  }
  /// The place that one of the pattern's transitions leads to from `place`.
  std::optional<std::uint32_t> place_behind(std::uint32_t place, std::uint32_t transition) const {
    for (const auto& [by, to] : places[place].next) {
      if (by == transition) return to;
    }
    return std::nullopt;
  }
};
}  // namespace tocsin::cep

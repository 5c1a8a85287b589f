/// How the work and the memory of a rule grow with the events of one key, from the plan alone: for
/// warnings, and for explanations. `places_of()` in compile_places.h decides; this asks it.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/compile/obstacle.h"
#include "cep/plan/limits.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// What a busy key of the rule keeps, and is looked at for each of its events.
enum class Kept : std::uint8_t {
  kNothing,         // an event is decided by itself
  kLastEvents,      // a fixed number of the key's last events
  kPlaces,          // events, each once, and where they may stand (cep/places/places.h)
  kPartialMatches,  // all that have begun
  kWindow,          // the events that a closing window collects
};
struct Growth {
  Kept kept = Kept::kNothing;
  std::vector<Obstacle> obstacles;  // kPartialMatches
  /// Whether more events of a key make more partial matches. It is false where each begins and ends
  /// with the next events, or where those with the same future are merged.
  bool piles_up = false;
  std::optional<Duration> lives;  // the longest that a partial match waits; nothing: no end
  /// Partial matches of an ordinary, busy key (`kOrdinaryEvent`), where they pile up; UINT64_MAX if
  /// nothing ends them.
  std::uint64_t ordinary_matches = 0;
  Duration ordinary_gap;  // in which one more begins
};
/// The key that `ordinary_matches` is about has an event every thirty seconds that a step without
/// conditions takes. One in twenty satisfies conditions; an alert of another rule comes every hour.
inline constexpr Duration kOrdinaryEvent{std::int64_t{30} * 1'000'000};
inline constexpr Duration kOrdinaryChosenEvent{std::int64_t{600} * 1'000'000};
inline constexpr Duration kOrdinaryAlert{std::int64_t{3'600} * 1'000'000};

/// Of the plan, its event types are read. Requires a rule whose pattern is not `oversized()`.
Growth growth_of(const Plan& plan, const Rule& rule, const Limits& limits = {});

/// A match that no key can hold.
struct OutOfReach {
  std::uint64_t needs = 0;
  std::uint64_t most = 0;
  bool of_matches = false;           // partial matches that have to wait at once; else events
  const Element* element = nullptr;  // that asks for the most
};
std::optional<OutOfReach> out_of_reach(const Rule& rule, const Growth& growth,
                                       const Limits& limits = {});
}  // namespace tocsin::cep

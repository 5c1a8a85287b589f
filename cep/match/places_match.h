/// A match that places give (cep/match/places.h).
#pragma once
#include <cstdint>
#include <vector>

namespace tocsin::cep {
/// Its events but the current one, which is its last: those of steps before the loop, the loop's,
/// and those of steps behind it.
struct PlacesMatch {
  struct Event {
    std::uint64_t number = 0;  // in the log
    std::uint32_t subset = 0;
  };
  std::vector<Event> before;  // by step; all of them without a loop
  /// The loop's events, numbers among those that the loop took. Where the loop is the last step the
  /// current event is the last of them.
  std::uint64_t loop_begin = 0;
  std::uint64_t loop_end = 0;
  std::vector<Event> behind;
};
}  // namespace tocsin::cep

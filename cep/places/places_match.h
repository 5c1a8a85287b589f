/// A match that places give (cep/places/places.h).
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace tocsin::cep {
struct PlacesMatch {
  /// What one step took: an event, or a loop's.
  struct Part {
    std::uint32_t step = 0;
    std::uint64_t number = 0;  // in the log
    std::uint32_t subset = 0;
    /// Of a loop: its number among the rule's loops, and the events, by their numbers among those
    /// that it took.
    std::optional<std::uint32_t> loop;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    /// Of a loop with gaps: all its events. Empty where they are [begin, end).
    std::vector<std::uint64_t> picked;
    std::uint64_t count() const {
      if (!loop) return 1;
      return picked.empty() ? end - begin : picked.size();
    }
    /// The number of a loop's event.
    std::uint64_t event(std::uint64_t i) const { return picked.empty() ? begin + i : picked[i]; }
  };
  /// By step. The current event, which is the match's last, is the last of a loop that ends with
  /// it; where the last step is no loop it has no part.
  std::vector<Part> parts;

  /// The part of a step; null where it has none.
  const Part* of_step(std::uint32_t step) const {
    return step < parts.size() ? &parts[step] : nullptr;
  }
};
}  // namespace tocsin::cep

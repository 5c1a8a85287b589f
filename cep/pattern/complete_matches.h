/// Matches that are complete at the current event or deadline.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/pattern/current_pattern.h"
#include "cep/record/pattern_state.h"

namespace tocsin::cep {
/// A match that is complete now.
struct MatchCandidate {
  Offset node = 0;  // its last, or the one before the current event
  Offset values = 0;
  std::uint64_t start = 0;
  bool takes = false;  // the current event is its last, for `step`
  std::uint32_t step = 0;

  TakenEvents taken() const { return {node, takes, step}; }
};
/// Those of the current rule and key.
struct CompleteMatches {
  std::vector<MatchCandidate> candidates;
  std::vector<CompleteMatch> given;  // written: each that those before it leave is given
};
}  // namespace tocsin::cep

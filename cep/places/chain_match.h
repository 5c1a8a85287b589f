/// A match of the general matcher's busy keys (cep/places/paths.h, cep/places/members.h).
#pragma once
#include <cstdint>
#include <vector>

namespace tocsin::cep {
/// An event that a step took.
struct ChainEvent {
  std::uint64_t event = 0;  // number in the log
  std::uint32_t step = 0;
  std::uint32_t subset = 0;
};
struct ChainMatch {
  std::vector<ChainEvent> events;  // in their order, without the current one, which is the last
  std::uint32_t last_step = 0;     // that takes the current one
};
}  // namespace tocsin::cep

/// One simulated world from beginning to end: a node that is fed, crashes, comes up again, until
/// all that its sources have is through; and what must hold then.
#pragma once
#include <cstdint>

#include "tests/simulation/faults.h"

namespace tocsin::simulation {
struct StoryFigures {
  bool happened = false;  // false: the seed gives no world
  std::uint64_t simulated_us = 0;
  std::uint64_t lives = 0;
  std::uint64_t events = 0;
  std::uint64_t alerts = 0;
};
/// Plays the world of this seed. Throws Broken where something that must hold does not. `trace`:
/// prints every step.
StoryFigures play(std::uint64_t seed, Reached& reached, bool trace);
}  // namespace tocsin::simulation

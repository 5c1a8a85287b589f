/// Which event may be the next one of a pattern, and of a loop.
#pragma once
#include <cstdint>

namespace tocsin::cep {
enum class Contiguity : std::uint8_t {
  kAny,    // `then`: non-deterministic relaxed (skip till any match)
  kFirst,  // `then first`: relaxed (skip till next match)
  kNext,   // `then next`: strict
};
enum class LoopMode : std::uint8_t { kRelaxed, kNext, kEach };  // nothing said, `next`, `each`
/// How a loop's mode says which event its next round takes.
constexpr Contiguity contiguity_of(LoopMode mode) {
  switch (mode) {
    case LoopMode::kNext:
      return Contiguity::kNext;
    case LoopMode::kEach:
      return Contiguity::kAny;
    case LoopMode::kRelaxed:
      break;
  }
  return Contiguity::kFirst;
}
}  // namespace tocsin::cep

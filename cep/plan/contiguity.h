/// How a loop's mode says which event its next round takes.
#pragma once
#include "cep/plan/plan.h"

namespace tocsin::cep {
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

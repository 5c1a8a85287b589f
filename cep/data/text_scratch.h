/// Where texts live that functions make (`lower`, `normalize`, …).
#pragma once
#include "cep/data/batch.h"

namespace tocsin::cep {
/// This thread's texts. Engine::advance clears them when it begins, so that a value stays good for
/// the rest of its slice; whoever evaluates outside of an engine copies what is to stay and clears.
TextArena& text_scratch();
}  // namespace tocsin::cep

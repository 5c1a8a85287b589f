/// Where texts live that functions make (`lower`, `normalize`, …).
#pragma once
#include <cstdint>

#include "cep/data/batch.h"

namespace tocsin::cep {
/// This thread's texts. Engine::advance clears them when it begins, so that a value stays good for
/// the rest of its slice; whoever evaluates outside of an engine copies what is to stay and clears.
TextArena& text_scratch();
/// Clears this thread's texts for a slice that begins. Gives the slice's number, by which other
/// threads join it.
std::uint64_t begin_text_scratch();
/// This thread works on a slice too: clears its texts unless they are of this slice.
void join_text_scratch(std::uint64_t slice);
}  // namespace tocsin::cep

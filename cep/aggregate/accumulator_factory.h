/// Makes the accumulator of a feature's aggregate.
#pragma once
#include "cep/aggregate/accumulator.h"

namespace tocsin::cep {
/// Null for count, and for `first` and `last` but where the window grows or has panes: those are
/// read from the window's events.
InMemory<Accumulator> make_accumulator(const WindowSpec& spec, WindowMemory& memory,
                                       AccumulatorUse use);
}  // namespace tocsin::cep

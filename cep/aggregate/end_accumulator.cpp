// first and last: of windows that grow and of panes. Windows that slide read them from their
// events.
#include "cep/aggregate/accumulator_base.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
namespace {
struct IsLast {
  bool operator()(Word, Word, const WindowSpec& spec, const WindowMemory&) const {
    return spec.feature->aggregate == Aggregate::kLast;
  }
};

InMemory<Accumulator> make_end(const WindowSpec& spec, WindowMemory& memory, AccumulatorUse use) {
  if (use != AccumulatorUse::kGrows && use != AccumulatorUse::kPane) return no_accumulator(memory);
  return make_value_accumulator<OneWord<IsLast>>(spec, memory, IsLast{});
}
}  // namespace

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kFirst>(const WindowSpec& spec,
                                                        WindowMemory& memory, AccumulatorUse use) {
  return make_end(spec, memory, use);
}

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kLast>(const WindowSpec& spec, WindowMemory& memory,
                                                       AccumulatorUse use) {
  return make_end(spec, memory, use);
}
}  // namespace tocsin::cep

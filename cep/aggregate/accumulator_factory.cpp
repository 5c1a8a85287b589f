#include "cep/aggregate/accumulator_factory.h"

#include "cep/aggregate/accumulator_base.h"
#include "cep/base/assert.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
template <>
InMemory<Accumulator> accumulator_of<Aggregate::kCount>(const WindowSpec&, WindowMemory& memory,
                                                        AccumulatorUse) {
  return no_accumulator(memory);
}

InMemory<Accumulator> make_accumulator(const WindowSpec& spec, WindowMemory& memory,
                                       AccumulatorUse use) {
  switch (spec.feature->aggregate) {
#define TOCSIN_AGGREGATE(aggregate, ...) \
  case Aggregate::aggregate:             \
    return accumulator_of<Aggregate::aggregate>(spec, memory, use);
#include "cep/plan/aggregates.def"
#undef TOCSIN_AGGREGATE
  }
  TOCSIN_ASSERT(false, "the registry has every aggregate");
}
}  // namespace tocsin::cep
